package jail

import "context"

// Lag counts the bytes that stand in the log files and are not dealt with yet.
func (j *Jail) Lag(ctx context.Context) (int64, error) {
	n, err := j.Do(ctx, func(*State) (any, error) {
		lag := int64(0)
		for _, sub := range j.subs {
			lag += sub.sub.State().Lag
		}
		return lag, nil
	})
	if err != nil {
		return 0, err
	}
	return n.(int64), nil
}
