package netfilter

import "fmt"

// openKernel connects and makes sure that nftables answers.
func openKernel(o Options) (kernel, func(), error) {
	sock, err := dial(o.NetNS)
	if err != nil {
		return nil, nil, err
	}
	k := &nftKernel{sock: sock}
	if _, err := k.sets(tableFamilies["inet"], "f2b-table"); err != nil {
		sock.close()
		return nil, nil, fmt.Errorf("nftables cannot be used: %w", err)
	}
	return k, sock.close, nil
}
