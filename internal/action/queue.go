package action

import "sync"

// queue does its tasks one after the other, in a goroutine that lives only
// while there is something to do.
type queue struct {
	mu    sync.Mutex
	tasks []task
	busy  bool
	ended bool
}

// task is an entry of a queue: a job, or something else to do.
type task struct {
	job  *work
	call func()
	// run does jobs that were taken together.
	run func([]*work)
}

func (q *queue) put(t task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.tasks = append(q.tasks, t)
	if !q.busy {
		q.busy = true
		go q.work()
	}
}

// quit drops what waits. A running task goes on to its end.
func (q *queue) quit() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended, q.tasks = true, nil
}

func (q *queue) work() {
	for {
		batch := q.take()
		if len(batch) == 0 {
			return
		}
		if batch[0].call != nil {
			batch[0].call()
			continue
		}
		jobs := make([]*work, len(batch))
		for i := range batch {
			jobs[i] = batch[i].job
		}
		batch[0].run(jobs)
	}
}

// batchTickets is how many tickets of waiting jobs are done in one go.
const batchTickets = 1000

// take removes the next task, or several jobs of the same kind that can be
// done together.
func (q *queue) take() []task {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) == 0 {
		q.busy, q.tasks = false, nil
		return nil
	}
	n := 1
	if first := q.tasks[0]; first.call == nil && first.job.mergeable() {
		tickets := len(first.job.tickets)
		for n < len(q.tasks) && q.tasks[n].call == nil && q.tasks[n].job.kind == first.job.kind {
			if tickets += len(q.tasks[n].job.tickets); tickets > batchTickets {
				break
			}
			n++
		}
	}
	batch := q.tasks[:n:n]
	q.tasks = q.tasks[n:]
	return batch
}
