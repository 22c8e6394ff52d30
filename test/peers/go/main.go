// A client built on client-go, as controllers are: it runs the checks that it is told to against the cluster of a
// kubeconfig, and prints one line of JSON for each.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// peer is what a check works with: a namespace of its own and clients of every sort.
type peer struct {
	config    *rest.Config
	typed     kubernetes.Interface // speaks protobuf
	dynamic   dynamic.Interface    // speaks JSON
	namespace string
}

// A check says in a few words what it saw.
type check func(ctx context.Context, p peer) (string, error)

var checks = map[string]check{
	"discovery":       discovery,
	"typed":           typed,
	"dynamic":         dynamicObjects,
	"apply":           apply,
	"informers":       informers,
	"metadata":        metadataOnly,
	"relist":          relist,
	"leader-election": leaderElection,
	"eviction":        eviction,
	"events":          events,
	"logs":            logs,
	"token":           token,
	"scale":           scale,
}

type outcome struct {
	Check   string  `json:"check"`
	OK      bool    `json:"ok"`
	Detail  string  `json:"detail"`
	Seconds float64 `json:"seconds"`
}

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "how to reach the cluster")
	names := flag.String("checks", "", "which checks, separated by commas")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config.QPS, config.Burst = 1000, 1000
	failed := false
	for _, name := range strings.Split(*names, ",") {
		began := time.Now()
		detail, err := runCheck(name, config)
		result := outcome{Check: name, OK: err == nil, Detail: detail, Seconds: time.Since(began).Seconds()}
		if err != nil {
			failed = true
			result.Detail = err.Error()
		}
		line, _ := json.Marshal(result)
		fmt.Println(string(line))
	}
	if failed {
		os.Exit(1)
	}
}

func runCheck(name string, config *rest.Config) (string, error) {
	run, found := checks[name]
	if !found {
		return "", fmt.Errorf("no check is named %q", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	binary := rest.CopyConfig(config)
	binary.ContentType = "application/vnd.kubernetes.protobuf"
	binary.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	typed, err := kubernetes.NewForConfig(binary)
	if err != nil {
		return "", err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return "", err
	}
	p := peer{config: config, typed: typed, dynamic: untyped, namespace: "go-" + name}
	if err := makeNamespace(ctx, p); err != nil {
		return "", err
	}
	return run(ctx, p)
}
