//go:build !linux

package server

func releaseProgram() {}
