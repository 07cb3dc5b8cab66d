package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// Client talks to the API of a running server.
type Client struct {
	path string
	http http.Client
}

// Dial makes a client for the API socket at path. It connects when it is used.
func Dial(path string) *Client {
	return &Client{path: path, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// Call makes a request and decodes the value of the reply into value, which
// may be nil. What the server refuses comes back as *Error.
func (c *Client) Call(ctx context.Context, method, path string, body, value any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request to the server: %w", err)
		}
		content = bytes.NewReader(text)
	}
	resp, err := c.do(ctx, method, path, content)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply := struct {
		OK    bool
		Value json.RawMessage
		Error *Error
	}{}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return fmt.Errorf("read the server's reply: %w", err)
	}
	if !reply.OK {
		if reply.Error == nil {
			reply.Error = &Error{Class: "Exception", Text: resp.Status}
		}
		return reply.Error
	}
	if value == nil {
		return nil
	}
	if err := json.Unmarshal(reply.Value, value); err != nil {
		return fmt.Errorf("read the server's reply: %w", err)
	}
	return nil
}

// Command runs a command of Fail2ban's clients.
func (c *Client) Command(ctx context.Context, value any, words ...string) error {
	return c.Call(ctx, http.MethodPost, "/v1/command", map[string]any{"command": words}, value)
}

// Events opens the stream of events behind a number, or of new ones where
// after is negative: one JSON object a line.
func (c *Client) Events(ctx context.Context, after int64) (io.ReadCloser, error) {
	path := "/v1/events"
	if after >= 0 {
		path += "?after=" + strconv.FormatInt(after, 10)
	}
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	// The host is not looked at: the socket leads to the one server.
	req, err := http.NewRequestWithContext(ctx, method, "http://stockade"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make a request to the server: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the server at %s: %w", c.path, err)
	}
	return resp, nil
}
