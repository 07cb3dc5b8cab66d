package action

// stockName finds the stock action whose merged raw definition has a digest.
func stockName(digest string) string { return stockDigests[digest] }

// stockDigests are those of the stock actions that have a native form.
var stockDigests = map[string]string{}
