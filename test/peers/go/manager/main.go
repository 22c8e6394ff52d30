// A controller on controller-runtime, as operators are: a manager with caches, leader election and a metrics endpoint,
// a reconciler with owned objects, status and a finalizer. It prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	namespace = "go-manager"
	finalizer = "example.com/hold"
)

var kind = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}

func widget(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// reconciler keeps a config map beside each widget and tells the widget's size in its status.
type reconciler struct{ client.Client }

func (r reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := widget(request.Name)
	if err := r.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if object.GetDeletionTimestamp() != nil {
		controllerutil.RemoveFinalizer(object, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(r.Update(ctx, object))
	}
	if controllerutil.AddFinalizer(object, finalizer) {
		return ctrl.Result{}, r.Update(ctx, object)
	}
	size, _, _ := unstructured.NestedInt64(object.Object, "spec", "size")
	beside := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: request.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, beside, func() error {
		beside.Data = map[string]string{"size": fmt.Sprint(size)}
		return controllerutil.SetControllerReference(object, beside, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := object.DeepCopy()
	_ = unstructured.SetNestedField(object.Object, size, "status", "size")
	return ctrl.Result{}, r.Status().Patch(ctx, object, client.MergeFrom(before))
}

func eventually(ctx context.Context, what string, condition func(ctx context.Context) bool) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 15*time.Second, true,
		func(ctx context.Context) (bool, error) { return condition(ctx), nil })
	if err != nil {
		return fmt.Errorf("never: %s", what)
	}
	return nil
}

// freeAddress is of a port that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	direct, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	if err := direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	metrics, err := freeAddress()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection: true, LeaderElectionID: "widgets", LeaderElectionNamespace: namespace,
		Metrics: metricsserver.Options{BindAddress: metrics},
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).For(widget("")).Owns(&corev1.ConfigMap{}).
		Complete(reconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	<-manager.Elected()

	object := widget("a")
	_ = unstructured.SetNestedField(object.Object, int64(3), "spec", "size")
	if err := direct.Create(ctx, object); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(object)
	sized := func(size string) func(ctx context.Context) bool {
		return func(ctx context.Context) bool {
			var beside corev1.ConfigMap
			seen := widget("a")
			err := errors.Join(direct.Get(ctx, key, &beside), direct.Get(ctx, key, seen))
			told, _, _ := unstructured.NestedInt64(seen.Object, "status", "size")
			return err == nil && beside.Data["size"] == size && fmt.Sprint(told) == size
		}
	}
	if err := eventually(ctx, "the config map and the status of a new widget", sized("3")); err != nil {
		return err
	}
	if err := direct.Patch(ctx, widget("a"), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"size":5}}`))); err != nil {
		return err
	}
	if err := eventually(ctx, "the new size", sized("5")); err != nil {
		return err
	}
	if err := direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "a"}}); err != nil {
		return err
	}
	if err := eventually(ctx, "the config map again", sized("5")); err != nil {
		return err
	}
	answer, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(text), `controller_runtime_reconcile_total{controller="widget",result="success"}`) {
		return fmt.Errorf("the metrics do not tell of reconciling: %v", err)
	}
	if err := direct.Delete(ctx, widget("a")); err != nil {
		return err
	}
	gone := func(ctx context.Context) bool {
		return apierrors.IsNotFound(direct.Get(ctx, key, widget("a"))) && apierrors.IsNotFound(direct.Get(ctx, key, &corev1.ConfigMap{}))
	}
	if err := eventually(ctx, "the widget and what it owned are gone", gone); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return fmt.Errorf("the manager ended: %w", err)
	default:
		return nil
	}
}

func main() {
	kubeconfig := flag.String("config", os.Getenv("KUBECONFIG"), "how to reach the cluster")
	flag.Parse()
	ctrl.SetLogger(klog.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	err := run(ctx, *kubeconfig)
	detail := "reconciled, owned, finalized, counted"
	if err != nil {
		detail = err.Error()
	}
	line, _ := json.Marshal(map[string]any{"check": "manager", "ok": err == nil, "detail": detail})
	fmt.Println(string(line))
	if err != nil {
		os.Exit(1)
	}
}
