package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/record"
)

func discovery(_ context.Context, p peer) (string, error) {
	lists, err := p.typed.Discovery().ServerPreferredResources()
	if err != nil {
		return "", err
	}
	groups, err := restmapper.GetAPIGroupResources(p.typed.Discovery())
	if err != nil {
		return "", err
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	kind, err := mapper.KindFor(schema.GroupVersionResource{Resource: "deployments"})
	if err != nil {
		return "", err
	}
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"})
	if err != nil {
		return "", err
	}
	version, err := p.typed.Discovery().ServerVersion()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d groups of resources, %s, %s, %s.%s", len(lists), kind, mapping.Resource.Version, version.Major, version.Minor), first(
		expect(kind == schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "deployments are %s", kind),
		expect(mapping.Resource.Version == "v2", "autoscalers are %s", mapping.Resource.Version),
	)
}

func typed(ctx context.Context, p peer) (string, error) {
	maps := p.typed.CoreV1().ConfigMaps(p.namespace)
	made, err := maps.Create(ctx, configMap("a", "1"), metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	_, again := maps.Create(ctx, configMap("a", "1"), metav1.CreateOptions{})
	newer := made.DeepCopy()
	newer.Data["value"] = "2"
	updated, err := maps.Update(ctx, newer, metav1.UpdateOptions{})
	if err != nil {
		return "", err
	}
	_, stale := maps.Update(ctx, newer, metav1.UpdateOptions{})
	unchanged, err := maps.Update(ctx, updated, metav1.UpdateOptions{})
	if err != nil {
		return "", err
	}
	patched, err := maps.Patch(ctx, "a", types.StrategicMergePatchType, []byte(`{"data":{"more":"x"}}`), metav1.PatchOptions{})
	if err != nil {
		return "", err
	}
	_, invalid := maps.Create(ctx, configMap("Not_A_Name", "1"), metav1.CreateOptions{})
	for i := range 25 {
		if _, err := maps.Create(ctx, configMap(fmt.Sprintf("page-%02d", i), "p"), metav1.CreateOptions{}); err != nil {
			return "", err
		}
	}
	seen, pages, next := map[string]bool{}, 0, ""
	for {
		page, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "value=p", Limit: 10, Continue: next})
		if err != nil {
			return "", err
		}
		pages++
		for _, item := range page.Items {
			seen[item.Name] = true
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	wrong := types.UID("00000000-0000-0000-0000-000000000000")
	conditional := maps.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}})
	err = maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "value=p"})
	if err != nil {
		return "", err
	}
	left, err := maps.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name!=kube-root-ca.crt"})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d objects in %d pages", len(seen), pages), first(
		refused(again, apierrors.IsAlreadyExists, "creating twice"),
		refused(stale, apierrors.IsConflict, "a stale update"),
		refused(invalid, apierrors.IsInvalid, "an invalid name"),
		refused(conditional, apierrors.IsConflict, "deleting another object of that name"),
		expect(unchanged.ResourceVersion == updated.ResourceVersion, "an update without a change made a revision"),
		expect(patched.Data["more"] == "x" && patched.Data["value"] == "2", "patched to %v", patched.Data),
		expect(len(seen) == 25 && pages == 3, "%d objects in %d pages", len(seen), pages),
		expect(len(left.Items) == 1, "%d objects are left", len(left.Items)),
	)
}

var widgets = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}

func widget(name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

func dynamicObjects(ctx context.Context, p peer) (string, error) {
	objects := p.dynamic.Resource(widgets).Namespace(p.namespace)
	made, err := objects.Create(ctx, widget("a", map[string]any{"size": int64(3)}), metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	colour, _, _ := unstructured.NestedString(made.Object, "spec", "colour")
	watching, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: made.GetResourceVersion()})
	if err != nil {
		return "", err
	}
	defer watching.Stop()
	if _, err := objects.Patch(ctx, "a", types.MergePatchType, []byte(`{"spec":{"size":4}}`), metav1.PatchOptions{}); err != nil {
		return "", err
	}
	event := <-watching.ResultChan()
	_, strategic := objects.Patch(ctx, "a", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
	_, tooMuch := objects.Patch(ctx, "a", types.MergePatchType, []byte(`{"spec":{"size":11}}`), metav1.PatchOptions{})
	applied, err := objects.Apply(ctx, "a", widget("a", map[string]any{"colour": "red"}), metav1.ApplyOptions{FieldManager: "painter", Force: true})
	if err != nil {
		return "", err
	}
	size, _, _ := unstructured.NestedInt64(applied.Object, "spec", "size")
	_, unversioned := objects.Update(ctx, widget("a", map[string]any{"size": int64(1)}), metav1.UpdateOptions{})
	return fmt.Sprintf("%s %s of size %d", event.Type, applied.GetName(), size), first(
		expect(colour == "blue", "the default colour is %q", colour),
		expect(event.Type == "MODIFIED", "the watch saw %s", event.Type),
		expect(size == 4, "the size is %d", size),
		refused(strategic, apierrors.IsUnsupportedMediaType, "a strategic merge patch"),
		refused(tooMuch, apierrors.IsInvalid, "more than the maximum"),
		refused(unversioned, apierrors.IsInvalid, "an update without a resourceVersion"),
	)
}

func apply(ctx context.Context, p peer) (string, error) {
	deployments := p.typed.AppsV1().Deployments(p.namespace)
	web := func(replicas int32, image string) *appsapply.DeploymentApplyConfiguration {
		labels := map[string]string{"app": "web"}
		return appsapply.Deployment("web", p.namespace).WithSpec(appsapply.DeploymentSpec().
			WithReplicas(replicas).
			WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(coreapply.PodSpec().
				WithContainers(coreapply.Container().WithName("c").WithImage(image)))))
	}
	made, err := deployments.Apply(ctx, web(1, "nginx:1"), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return "", err
	}
	again, err := deployments.Apply(ctx, web(1, "nginx:1"), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return "", err
	}
	_, conflict := deployments.Apply(ctx, web(2, "nginx:1"), metav1.ApplyOptions{FieldManager: "two"})
	forced, err := deployments.Apply(ctx, web(2, "nginx:1"), metav1.ApplyOptions{FieldManager: "two", Force: true})
	if err != nil {
		return "", err
	}
	mine, err := appsapply.ExtractDeployment(forced, "one")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d replicas after the second manager", *forced.Spec.Replicas), first(
		refused(conflict, apierrors.IsConflict, "another manager's value"),
		expect(strings.Contains(conflict.Error(), `conflict with "one"`), "the conflict says %v", conflict),
		expect(*forced.Spec.Replicas == 2, "%d replicas", *forced.Spec.Replicas),
		expect(again.Generation == made.Generation, "applying the same again made generation %d", again.Generation),
		expect(mine.Spec.Replicas == nil && mine.Spec.Template != nil, "the first manager still owns the replicas"),
	)
}

func eviction(ctx context.Context, p peer) (string, error) {
	if err := roll(ctx, p, "web", 2); err != nil {
		return "", err
	}
	least := intstr.FromInt32(2)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: metav1.SetAsLabelSelector(map[string]string{"app": "web"})},
	}
	budgets := p.typed.PolicyV1().PodDisruptionBudgets(p.namespace)
	if _, err := budgets.Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	err := eventually(ctx, func(ctx context.Context) (bool, error) {
		seen, err := budgets.Get(ctx, "web", metav1.GetOptions{})
		return err == nil && seen.Status.CurrentHealthy == 2, err
	})
	if err != nil {
		return "", fmt.Errorf("the budget counts no pods: %w", err)
	}
	pods, err := p.typed.CoreV1().Pods(p.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		return "", err
	}
	evict := func() error {
		return p.typed.PolicyV1().Evictions(p.namespace).Evict(ctx,
			&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pods.Items[0].Name, Namespace: p.namespace}})
	}
	held := evict()
	if err := refused(held, apierrors.IsTooManyRequests, "an eviction against the budget"); err != nil {
		return "", err
	}
	if err := budgets.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		return "", err
	}
	if err := evict(); err != nil {
		return "", err
	}
	err = eventually(ctx, func(ctx context.Context) (bool, error) {
		_, err := p.typed.CoreV1().Pods(p.namespace).Get(ctx, pods.Items[0].Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	return held.Error(), err
}

func events(ctx context.Context, p peer) (string, error) {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(sink(p))
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "peer"})
	about, err := p.typed.CoreV1().ConfigMaps(p.namespace).Create(ctx, configMap("a", "1"), metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	about.Kind, about.APIVersion = "ConfigMap", "v1"
	for range 3 {
		recorder.Event(about, corev1.EventTypeNormal, "Tried", "tried it")
	}
	var count int32
	err = eventually(ctx, func(ctx context.Context) (bool, error) {
		list, err := p.typed.CoreV1().Events(p.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=a,reason=Tried"})
		if err != nil || len(list.Items) != 1 {
			return false, err
		}
		count = list.Items[0].Count
		return count == 3, nil
	})
	broadcaster.Shutdown()
	return fmt.Sprintf("one event, %d times", count), err
}

func logs(ctx context.Context, p peer) (string, error) {
	if err := roll(ctx, p, "web", 1); err != nil {
		return "", err
	}
	pods, err := p.typed.CoreV1().Pods(p.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		return "", err
	}
	stream, err := p.typed.CoreV1().Pods(p.namespace).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	_, missing := p.typed.CoreV1().Pods(p.namespace).GetLogs("nothing", &corev1.PodLogOptions{}).Stream(ctx)
	return fmt.Sprintf("%d bytes", len(text)), first(err,
		expect(len(text) > 0, "the log is empty"),
		refused(missing, apierrors.IsNotFound, "the log of no pod"),
	)
}

func token(ctx context.Context, p peer) (string, error) {
	accounts := p.typed.CoreV1().ServiceAccounts(p.namespace)
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	seconds := int64(3600)
	request, err := accounts.CreateToken(ctx, "robot", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	config := rest.AnonymousClientConfig(p.config)
	config.BearerToken = request.Status.Token
	robot, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	review, err := robot.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	want := "system:serviceaccount:" + p.namespace + ":robot"
	config.BearerToken = "wrong"
	stranger, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	_, unknown := stranger.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	return review.Status.UserInfo.Username, first(
		expect(review.Status.UserInfo.Username == want, "the token is %s's", review.Status.UserInfo.Username),
		refused(unknown, apierrors.IsUnauthorized, "an unknown token"),
	)
}

func scale(ctx context.Context, p peer) (string, error) {
	if err := roll(ctx, p, "web", 1); err != nil {
		return "", err
	}
	deployments := p.typed.AppsV1().Deployments(p.namespace)
	current, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	current.Spec.Replicas = 4
	if _, err := deployments.UpdateScale(ctx, "web", current, metav1.UpdateOptions{}); err != nil {
		return "", err
	}
	_, stale := deployments.UpdateScale(ctx, "web", &autoscalingv1.Scale{
		ObjectMeta: current.ObjectMeta, Spec: autoscalingv1.ScaleSpec{Replicas: 9},
	}, metav1.UpdateOptions{})
	err = eventually(ctx, func(ctx context.Context) (bool, error) {
		seen, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
		return err == nil && seen.Status.Replicas == 4, err
	})
	return "from 1 to 4", first(err, refused(stale, apierrors.IsConflict, "a stale scale"))
}

func metadataOnly(ctx context.Context, p peer) (string, error) {
	client, err := metadata.NewForConfig(p.config)
	if err != nil {
		return "", err
	}
	if _, err := p.typed.CoreV1().ConfigMaps(p.namespace).Create(ctx, configMap("a", "1"), metav1.CreateOptions{}); err != nil {
		return "", err
	}
	maps := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(p.namespace)
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "value=1"})
	if err != nil {
		return "", err
	}
	watching, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "value=1"})
	if err != nil {
		return "", err
	}
	defer watching.Stop()
	if _, err := maps.Patch(ctx, "a", types.MergePatchType, []byte(`{"metadata":{"annotations":{"x":"y"}}}`), metav1.PatchOptions{}); err != nil {
		return "", err
	}
	event := <-watching.ResultChan()
	seen, ok := event.Object.(*metav1.PartialObjectMetadata)
	if !ok {
		return "", fmt.Errorf("the watch sent a %T", event.Object)
	}
	return fmt.Sprintf("%d of kind %s", len(list.Items), seen.Kind), first(
		expect(len(list.Items) == 1, "%d items", len(list.Items)),
		expect(seen.Annotations["x"] == "y", "the watch saw %v", seen.Annotations),
	)
}
