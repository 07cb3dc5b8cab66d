package python

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// interpreters are the names of Python: that of the system first, because its
// packages are those that Fail2ban's actions could use.
var interpreters = []string{"/usr/bin/python3", "python3"}

func interpreter() (string, error) {
	for _, name := range interpreters {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// launch starts the process and hands it host.py.
func (p *Process) launch() error {
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go p.listen(stdout)
	go p.overhear(stderr)
	program := names + host
	return p.write([]byte(strconv.Itoa(len(program)) + "\n" + program))
}

func (p *Process) write(line []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.stdin.Write(line)
	return err
}

// listen reads what the far end says until it ends, and then buries it.
func (p *Process) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	err := error(nil)
	for lines.Scan() && err == nil {
		err = p.hear(lines.Bytes())
	}
	if err == nil {
		err = lines.Err()
	}
	p.group(syscall.SIGKILL)
	state := "by itself"
	if e := p.cmd.Wait(); e != nil {
		state = e.Error()
	}
	p.why = fmt.Errorf("%w (%s)", ErrGone, state)
	if err != nil {
		p.why = fmt.Errorf("%w: it broke the protocol: %v", ErrGone, err)
	}
	close(p.done)
}

// hear takes one line.
func (p *Process) hear(line []byte) error {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("read %.100q: %w", line, err)
	}
	switch {
	case m.Ready:
		close(p.ready)
	case m.Ask != "":
		// The answer may need the database or a name server.
		go p.answer(m)
	case m.Logger != "":
		p.opt.Log(m.Log, m.Logger, m.Text)
	default:
		p.mu.Lock()
		reply := p.reply
		expected := m.ID == p.number
		p.mu.Unlock()
		if reply != nil && expected {
			reply <- m
		}
	}
	return nil
}

// answer answers a question of the class.
func (p *Process) answer(m message) {
	said := map[string]any{"answer": m.Question}
	switch m.Ask {
	case "bantime":
		said["value"] = encode(int(p.opt.Bantime()))
	case "info":
		p.mu.Lock()
		info, known := p.infos[m.Ticket]
		p.mu.Unlock()
		value, ok := any(nil), false
		if known {
			value, ok = info.Value(m.Key)
		}
		if ok {
			said["value"] = encode(value)
		} else {
			said["error"] = m.Key
		}
	}
	if line, err := json.Marshal(said); err == nil {
		// Where it cannot be written, the process is gone and nobody waits.
		_ = p.write(append(line, '\n'))
	}
}

// overhear passes on what the class prints.
func (p *Process) overhear(r io.Reader) {
	lines := bufio.NewReaderSize(r, maxPrintedLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.printed++
		n := p.printed
		p.mu.Unlock()
		switch {
		case n < maxPrinted:
			p.opt.Printed(string(line))
		case n == maxPrinted:
			p.opt.Printed("… and more, which is not kept")
		}
		for more && err == nil {
			_, more, err = lines.ReadLine()
		}
	}
}

// Alive tells whether the process is there.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// End lets the process end by itself, and makes it after a while.
func (p *Process) End() {
	p.writing.Lock()
	_ = p.stdin.Close()
	p.writing.Unlock()
	select {
	case <-p.done:
	case <-time.After(farewell):
		p.Kill()
		<-p.done
	}
}

// Kill ends the process and all of its group at once.
func (p *Process) Kill() { p.group(syscall.SIGKILL) }

func (p *Process) group(signal syscall.Signal) {
	if p.Alive() {
		_ = syscall.Kill(-p.cmd.Process.Pid, signal)
	}
}
