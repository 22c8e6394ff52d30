package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

func sink(p peer) record.EventSink {
	return &typedcore.EventSinkImpl{Interface: p.typed.CoreV1().Events(p.namespace)}
}

// counted is an informer's view of the config maps of a namespace, and how often its handlers were told.
type counted struct {
	factory                 kubeinformers.SharedInformerFactory
	added, updated, deleted atomic.Int32
}

func (c *counted) start(ctx context.Context, client kubernetes.Interface, namespace string) error {
	c.factory = kubeinformers.NewSharedInformerFactoryWithOptions(client, 0, kubeinformers.WithNamespace(namespace))
	informer := c.factory.Core().V1().ConfigMaps().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.added.Add(1) },
		UpdateFunc: func(any, any) { c.updated.Add(1) },
		DeleteFunc: func(any) { c.deleted.Add(1) },
	})
	if err != nil {
		return err
	}
	c.factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return errors.New("the informer never had its first view")
	}
	return nil
}

// agrees waits until the informer holds exactly what a list shows, revision by revision.
func (c *counted) agrees(ctx context.Context, client kubernetes.Interface, namespace string) (int, error) {
	var difference string
	var count int
	err := eventually(ctx, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		held, err := c.factory.Core().V1().ConfigMaps().Lister().ConfigMaps(namespace).List(labels.Everything())
		if err != nil {
			return false, err
		}
		byName := map[string]string{}
		for _, object := range held {
			byName[object.Name] = object.ResourceVersion
		}
		difference = ""
		if len(held) != len(list.Items) {
			difference = fmt.Sprintf("%d held, %d listed", len(held), len(list.Items))
		}
		for _, object := range list.Items {
			if byName[object.Name] != object.ResourceVersion {
				difference = fmt.Sprintf("%s held at %q, listed at %q", object.Name, byName[object.Name], object.ResourceVersion)
			}
		}
		count = len(held)
		return difference == "", nil
	})
	if err != nil && difference != "" {
		return count, errors.New(difference)
	}
	return count, err
}

func churn(ctx context.Context, client kubernetes.Interface, namespace string, objects int) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	for i := range objects {
		made, err := maps.Create(ctx, configMap(fmt.Sprintf("churn-%d", i), "1"), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		made.Data["value"] = "2"
		if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
			return err
		}
		if i%2 == 1 {
			if err := maps.Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// informers follows many changes while they happen.
func informers(ctx context.Context, p peer) (string, error) {
	var view counted
	for i := range 10 {
		if _, err := p.typed.CoreV1().ConfigMaps(p.namespace).Create(ctx, configMap(fmt.Sprintf("before-%d", i), "1"), metav1.CreateOptions{}); err != nil {
			return "", err
		}
	}
	if err := view.start(ctx, p.typed, p.namespace); err != nil {
		return "", err
	}
	if err := churn(ctx, p.typed, p.namespace, 40); err != nil {
		return "", err
	}
	count, err := view.agrees(ctx, p.typed, p.namespace)
	if err != nil {
		return "", err
	}
	added, updated, deleted := view.added.Load(), view.updated.Load(), view.deleted.Load()
	return fmt.Sprintf("%d objects; %d added, %d updated, %d deleted", count, added, updated, deleted), first(
		expect(updated == 40, "%d updates were told", updated),
		expect(deleted == 20, "%d deletions were told", deleted),
		expect(int(added-deleted) == count, "%d added, %d deleted, %d held", added, deleted, count),
	)
}

// gate is a network that can be cut: what is connected loses its connection, what dials waits.
type gate struct {
	mutex  sync.Mutex
	closed chan struct{}
	open   []net.Conn
}

func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		g.mutex.Lock()
		closed := g.closed
		g.mutex.Unlock()
		if closed == nil {
			break
		}
		select {
		case <-closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, network, address)
	if err == nil {
		g.mutex.Lock()
		g.open = append(g.open, connection)
		g.mutex.Unlock()
	}
	return connection, err
}

func (g *gate) cut() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.closed = make(chan struct{})
	for _, connection := range g.open {
		_ = connection.Close()
	}
	g.open = nil
}

func (g *gate) mend() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	close(g.closed)
	g.closed = nil
}

// relist loses its connection for longer than the server remembers changes. It wants a server that remembers few.
func relist(ctx context.Context, p peer) (string, error) {
	var network gate
	config := rest.CopyConfig(p.config)
	config.Dial = network.dial
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	before, err := p.typed.CoreV1().ConfigMaps(p.namespace).Create(ctx, configMap("before", "1"), metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	var view counted
	if err := view.start(ctx, client, p.namespace); err != nil {
		return "", err
	}
	network.cut()
	if err := churn(ctx, p.typed, p.namespace, 100); err != nil {
		return "", err
	}
	_, old := p.typed.CoreV1().ConfigMaps(p.namespace).List(ctx, metav1.ListOptions{
		ResourceVersion: before.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	})
	tooOld := "a list of then is still there"
	if old != nil {
		tooOld = string(apierrors.ReasonForError(old))
	}
	watching, err := p.typed.CoreV1().ConfigMaps(p.namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: before.ResourceVersion})
	if err == nil {
		event := <-watching.ResultChan()
		watching.Stop()
		status, ok := event.Object.(*metav1.Status)
		if !ok || status.Reason != metav1.StatusReasonExpired {
			return "", fmt.Errorf("a watch from long ago began with %s %v", event.Type, event.Object)
		}
	} else if err := refused(err, apierrors.IsResourceExpired, "a watch from long ago"); err != nil {
		return "", err
	}
	network.mend()
	if err := touch(ctx, p); err != nil {
		return "", err
	}
	count, err := view.agrees(ctx, p.typed, p.namespace)
	return fmt.Sprintf("%d objects after the network was cut; the list of then: %s", count, tooOld), err
}

// touch changes what is there once more, for the watch that began again.
func touch(ctx context.Context, p peer) error {
	_, err := p.typed.CoreV1().ConfigMaps(p.namespace).Create(ctx, configMap("after", "1"), metav1.CreateOptions{})
	return err
}

// leaderElection has two candidates; the first dies with the lease in its hand.
func leaderElection(ctx context.Context, p peer) (string, error) {
	var leaders atomic.Int32
	var worst atomic.Int32
	led := make(chan string, 4)
	candidate := func(ctx context.Context, name string) {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "lock", Namespace: p.namespace},
			Client:     p.typed.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 2 * time.Second, RenewDeadline: 1500 * time.Millisecond, RetryPeriod: 200 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(leading context.Context) {
					now := leaders.Add(1)
					for worst.Load() < now {
						worst.Store(now)
					}
					led <- name
					<-leading.Done()
					leaders.Add(-1)
				},
				OnStoppedLeading: func() {},
			},
		})
	}
	dying, die := context.WithCancel(ctx)
	living, stop := context.WithCancel(ctx)
	defer stop()
	go candidate(dying, "one")
	if leader := <-led; leader != "one" {
		return "", fmt.Errorf("%s leads", leader)
	}
	go candidate(living, "two")
	select {
	case leader := <-led:
		return "", fmt.Errorf("%s leads beside one", leader)
	case <-time.After(2500 * time.Millisecond):
	}
	died := time.Now()
	die()
	select {
	case leader := <-led:
		if leader != "two" {
			return "", fmt.Errorf("%s leads", leader)
		}
	case <-ctx.Done():
		return "", errors.New("nobody took over")
	}
	waited := time.Since(died)
	lease, err := p.typed.CoordinationV1().Leases(p.namespace).Get(ctx, "lock", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("two took over, transition %d", *lease.Spec.LeaseTransitions), first(
		expect(waited > time.Second, "two did not wait for the lease to expire: %s", waited),
		expect(worst.Load() == 1, "%d led at a time", worst.Load()),
		expect(*lease.Spec.LeaseTransitions == 1, "%d transitions", *lease.Spec.LeaseTransitions),
	)
}
