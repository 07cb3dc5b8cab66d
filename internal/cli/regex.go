package cli

import "fmt"

// regexMain is fail2ban-regex.
func regexMain(env Env) int {
	fmt.Fprintln(env.Stderr, "fail2ban-regex is not there yet")
	return failed
}
