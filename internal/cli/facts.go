package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/doctor"
	"stockade/internal/host"
	"stockade/library"
)

// portNumber is the port of a service by its name.
func portNumber(name string) (uint16, bool) {
	n, err := net.LookupPort("tcp", name)
	return uint16(n), err == nil && n > 0
}

// listPatience is how long a program may take to list the firewall's rules.
const listPatience = 10 * time.Second

// rules reads the rules of the firewall with the programs that list them. What
// is not installed has no rules of its own.
func rules(f *doctor.Facts) {
	var problems []error
	seen := false
	if out, err := list("nft", "--json", "--terse", "list", "ruleset"); err == nil {
		seen = true
		problems = append(problems, f.Rules.ParseNFT(out))
	} else {
		problems = append(problems, err)
	}
	for _, program := range []struct{ family, name string }{{"ip", "iptables-save"}, {"ip6", "ip6tables-save"}} {
		out, err := list(program.name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		seen = true
		f.Rules.ParseIPTables(program.family, string(out))
	}
	if err := errors.Join(problems...); err != nil && !seen {
		f.Unseen = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
}

// list runs a program that prints rules.
func list(name string, args ...string) ([]byte, error) {
	path, err := lookProgram(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), listPatience)
	defer cancel()
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

// lookProgram finds a program, also where PATH lacks the administrators'
// folders.
func lookProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	return path, err
}

// listeners finds the services of this machine and the ports they listen on.
func listeners(f *doctor.Facts) {
	programs := host.Look(os.DirFS("/")).Programs
	for _, service := range library.Services() {
		for _, name := range service.Programs {
			p := programs[name]
			if p == nil || len(p.Ports) == 0 {
				continue
			}
			for _, jail := range service.Jails {
				f.Listeners = append(f.Listeners, doctor.Listener{Service: service.Name, Jail: jail, Ports: p.Ports})
			}
		}
	}
}

// files looks at the logs, and at the disks on which the server writes.
func files(f *doctor.Facts) {
	if f.Health == nil {
		return
	}
	f.Files = map[string]doctor.File{}
	for _, j := range f.Health.Jails {
		for _, source := range j.Sources {
			if info, err := os.Stat(source.Path); err == nil {
				f.Files[source.Path] = doctor.File{Modified: info.ModTime()}
			}
		}
	}
	if target := f.Health.Log.Target; filepath.IsAbs(target) {
		f.Files[target] = doctor.File{Err: usable(target)}
		disk(f, filepath.Dir(target), "the server's log")
	}
	if path := f.Health.Database; filepath.IsAbs(path) {
		disk(f, filepath.Dir(path), "the database")
	}
}

// usable tells why a log file cannot be written.
func usable(path string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is gone, and what is logged with it")
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return nil
	}
	return unix.Access(path, unix.W_OK)
}

func disk(f *doctor.Facts, path, what string) {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return
	}
	block := uint64(st.Bsize)
	f.Disks = append(f.Disks, doctor.Disk{
		Path: path, For: what, Free: uint64(st.Bavail) * block, Size: uint64(st.Blocks) * block,
		FreeInodes: uint64(st.Ffree), Inodes: uint64(st.Files),
	})
}

// rivals finds other servers that ban in this network.
func rivals(f *doctor.Facts) {
	if f.Health == nil {
		return
	}
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || pid == f.Health.PID {
			continue
		}
		program := bannerOf(pid)
		if there, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); program != "" && err == nil && there == here {
			f.Rivals = append(f.Rivals, doctor.Rival{PID: pid, Program: program})
		}
	}
}

// bannerOf names a process that is a server like this one, "" for others.
func bannerOf(pid int) string {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	switch name := strings.TrimSpace(string(comm)); name {
	case "fail2ban-server":
		return name
	case "stockade":
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if words := strings.Split(string(line), "\x00"); err == nil && len(words) > 1 && words[1] == "run" {
			return "stockade run"
		}
	}
	return ""
}
