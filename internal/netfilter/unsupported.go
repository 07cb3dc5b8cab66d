//go:build !linux

package netfilter

import "fmt"

func openKernel(Options) (kernel, func(), error) { return nil, nil, ErrUnsupported }

func checkRule(string, *Spec, *FamilySpec) error {
	return fmt.Errorf("%w: %w", ErrNotExpressible, ErrUnsupported)
}

func watchKernel(kernel, int, func([]removal, string)) (func(), error) { return nil, ErrUnsupported }

func cutFlows(int, *targets) (int, error) { return 0, ErrUnsupported }

func cutSockets(int, *targets) (int, error) { return 0, ErrUnsupported }
