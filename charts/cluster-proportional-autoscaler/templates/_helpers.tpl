{{/* app.kubernetes.io/name, and what full names end in. */}}
{{- define "cluster-proportional-autoscaler.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What every object is called: the release, unless its name leaves open what it is. */}}
{{- define "cluster-proportional-autoscaler.fullname" -}}
{{- $kind := .Values.nameOverride | default .Chart.Name }}
{{- $release := contains $kind .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $kind) }}
{{- .Values.fullnameOverride | default $release | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Where the targets are, and so everything that looks after them, the service account too. */}}
{{- define "cluster-proportional-autoscaler.namespace" -}}
{{ .Values.options.namespace | default .Release.Namespace }}
{{- end }}

{{- define "cluster-proportional-autoscaler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cluster-proportional-autoscaler.name" . | quote }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
{{- end }}

{{- define "cluster-proportional-autoscaler.labels" -}}
{{ include "cluster-proportional-autoscaler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "cluster-proportional-autoscaler.serviceAccountName" -}}
{{- $name := empty .Values.serviceAccount.create | not | ternary (include "cluster-proportional-autoscaler.fullname" .) "default" }}
{{- .Values.serviceAccount.name | default $name }}
{{- end }}

{{/* Who the bindings mean. */}}
{{- define "cluster-proportional-autoscaler.subjects" -}}
- kind: ServiceAccount
  name: {{ include "cluster-proportional-autoscaler.serviceAccountName" . }}
  namespace: {{ include "cluster-proportional-autoscaler.namespace" . }}
{{- end }}

{{/*
The mode of the parameters in .params (`ladder` or `linear`, empty when there are none); .at is their place in the values.
Refused: both modes, and a ladder without steps, which means no replicas at all and is never what somebody wanted.
*/}}
{{- define "cluster-proportional-autoscaler.mode" -}}
{{- $given := pick .params "ladder" "linear" }}
{{- if and $given.ladder $given.linear }}
{{- fail "You must supply a config for either ladder mode or linear mode but not both" }}
{{- end }}
{{- $mode := "" }}
{{- range $each := list "linear" "ladder" }}
{{- if and (hasKey $given $each) (or (not $mode) (get $given $each)) }}
{{- $mode = $each }}
{{- end }}
{{- end }}
{{- if eq $mode "ladder" }}
{{- $steps := list }}
{{- range $key, $value := $given.ladder }}
{{- if has (lower $key) (list "nodestoreplicas" "corestoreplicas") }}
{{- $steps = concat $steps ($value | default list) }}
{{- end }}
{{- end }}
{{- if not $steps }}
{{- fail (printf "%s.ladder needs steps in nodesToReplicas or coresToReplicas; without any it would scale the target to zero" .at) }}
{{- end }}
{{- end }}
{{- $mode }}
{{- end }}

{{/* options.target, of which a list is joined. */}}
{{- define "cluster-proportional-autoscaler.target" -}}
{{- $target := required "options.target must be specified" .Values.options.target }}
{{- kindIs "slice" $target | ternary (join "," $target) $target }}
{{- end }}

{{/* options.defaultParams as the flag's JSON; it may be written as JSON already. */}}
{{- define "cluster-proportional-autoscaler.defaultParams" -}}
{{- $params := .Values.options.defaultParams }}
{{- if kindIs "string" $params }}
{{- $params = fromJson $params }}
{{- end }}
{{- $mode := include "cluster-proportional-autoscaler.mode" (dict "params" $params "at" "options.defaultParams") }}
{{- if or (not $mode) (gt (len $params) 1) }}
{{- fail "options.defaultParams must hold one of ladder and linear, and nothing else" }}
{{- end }}
{{- mustToJson $params }}
{{- end }}

{{/* options.nodeLabels as a selector; whatever YAML takes a value for, it is written as the label has it. */}}
{{- define "cluster-proportional-autoscaler.nodeLabels" -}}
{{- $terms := list }}
{{- range $key, $value := .Values.options.nodeLabels }}
{{- $terms = append $terms (printf "%s=%s" $key (kindIs "string" $value | ternary $value (toJson $value))) }}
{{- end }}
{{- join "," $terms }}
{{- end }}

{{/* The container's arguments: upstream's in upstream's order, then ours. */}}
{{- define "cluster-proportional-autoscaler.args" -}}
{{- $o := .Values.options }}
{{- $args := list
  (printf "--configmap=%s" (include "cluster-proportional-autoscaler.fullname" .))
  (printf "--logtostderr=%t" (not (empty $o.logToStdErr)))
  (printf "--namespace=%s" (include "cluster-proportional-autoscaler.namespace" .))
  (printf "--target=%s" (include "cluster-proportional-autoscaler.target" .))
  (printf "--v=%d" (int $o.logLevel)) }}
{{- if $o.alsoLogToStdErr }}
{{- $args = append $args "--alsologtostderr=true" }}
{{- end }}
{{- with $o.logBacktraceAt }}
{{- $args = append $args (printf "--log-backtrace-at=%v" .) }}
{{- end }}
{{- with $o.logDir }}
{{- $args = append $args (printf "--log-dir=%v" .) }}
{{- end }}
{{- /* As text, so that nothing is 0 here and the flag is there; only empty text leaves it out. */}}
{{- with toString $o.maxSyncFailures }}
{{- $args = append $args (printf "--max-sync-failures=%d" (max 0 (int .))) }}
{{- end }}
{{- with include "cluster-proportional-autoscaler.nodeLabels" . }}
{{- $args = append $args (printf "--nodelabels=%s" .) }}
{{- end }}
{{- with $o.pollPeriodSeconds }}
{{- $args = append $args (printf "--poll-period-seconds=%d" (max 1 (int .))) }}
{{- end }}
{{- with $o.stdErrThreshold }}
{{- $args = append $args (printf "--stderrthreshold=%v" .) }}
{{- end }}
{{- with $o.vmodule }}
{{- $args = append $args (printf "--vmodule=%v" .) }}
{{- end }}
{{- if $o.defaultParams }}
{{- $args = append $args (printf "--default-params=%s" (include "cluster-proportional-autoscaler.defaultParams" .)) }}
{{- end }}
{{- with $o.ignoreTaints }}
{{- $args = append $args (printf "--ignore-taints=%s" (join "," .)) }}
{{- end }}
{{- range $flag, $isOn := dict
  "emit-events" $o.emitEvents
  "keep-last-good-params" $o.keepLastGoodParams
  "leader-elect" $o.leaderElect
  "watch-nodes" $o.watchNodes
  "yaml-params" $o.yamlParams }}
{{- if $isOn }}
{{- $args = append $args (printf "--%s=true" $flag) }}
{{- end }}
{{- end }}
{{- toYaml $args }}
{{- end }}
