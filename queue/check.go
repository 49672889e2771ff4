package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// minRedis is the oldest major version of Redis that is supported.
const minRedis = 6

// Report is what Check found out about a Redis.
type Report struct {
	// Version is that of the server, such as 7.0.15.
	Version string
	// Policy is its maxmemory-policy.
	Policy string
	// AppendOnly and Snapshots say how it keeps its data over a restart.
	AppendOnly bool
	Snapshots  bool
	// Problems are sentences for an administrator, each with what to do about it. None
	// means that all is well.
	Problems []string
}

// Check asks a Redis whether it is fit to hold the queue: version 6 or later, nothing
// thrown away when memory is short, data kept over a restart. It returns an error
// only when Redis cannot be asked.
func (c *Client) Check(ctx context.Context) (Report, error) {
	info, err := c.rdb.Info(ctx).Result()
	var re redis.Error
	if errors.As(err, &re) {
		return Report{Problems: []string{fmt.Sprintf(
			"Redis does not let this user ask for INFO (%q), so its settings could not be checked: allow +info.", err.Error())}}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("queue: ask redis at %s: %w", c.conn, err)
	}
	f := fields(info)
	r := Report{Version: f["redis_version"], Policy: f["maxmemory_policy"], AppendOnly: f["aof_enabled"] == "1"}
	// Hosted servers often forbid CONFIG; then snapshots count as off.
	if save, err := c.rdb.ConfigGet(ctx, "save").Result(); err == nil {
		r.Snapshots = save["save"] != ""
	}
	r.judge()
	return r, nil
}

func (r *Report) judge() {
	major, _, _ := strings.Cut(r.Version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < minRedis {
		r.Problems = append(r.Problems, fmt.Sprintf(
			"Redis is version %q; saisine needs %d or later: upgrade it.", r.Version, minRedis))
	}
	if r.Policy != "noeviction" {
		r.Problems = append(r.Problems, fmt.Sprintf(
			"Redis throws entries away when its memory is full (maxmemory-policy is %q): set it to noeviction.", r.Policy))
	}
	if !r.AppendOnly && !r.Snapshots {
		r.Problems = append(r.Problems,
			"Redis keeps nothing over a restart, so that pauses before retries start over each time: set appendonly to yes.")
	}
}

// fields reads the answer of INFO.
func fields(info string) map[string]string {
	out := make(map[string]string)
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[k] = v
		}
	}
	return out
}
