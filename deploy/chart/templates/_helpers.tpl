{{/* Parts that several templates share. */}}

{{- define "troika.processes" -}}
{{- (.Files.Get "files/processes.yaml" | fromYaml).processes | toJson -}}
{{- end -}}

{{/* Kinds of an operator's commands, each with a Secret of its name. */}}
{{- define "troika.tools" -}}
{{- (.Files.Get "files/processes.yaml" | fromYaml).tools | toJson -}}
{{- end -}}

{{- define "troika.labels" -}}
app.kubernetes.io/name: troika
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "troika.selector" -}}
app.kubernetes.io/name: troika
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "troika.image" -}}
{{- $repository := ternary .root.Values.image.solverRepository .root.Values.image.repository .solver -}}
{{ $repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{/* Our pods: no user, no rights, nothing that can be written but memory. */}}
{{- define "troika.podSecurity" -}}
runAsNonRoot: true
runAsUser: 61184
runAsGroup: 61184
fsGroup: 61184
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "troika.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- with .add }}
  add: {{ . | toJson }}
  {{- end }}
{{- end -}}

{{- define "troika.environment" -}}
- {name: TROIKA_SETTINGS, value: /run/troika}
- {name: TROIKA_PUBLIC_URL, value: {{ printf "https://%s" .Values.hosts.public | quote }}}
- {name: TROIKA_CONSOLE_URL, value: {{ printf "https://%s" .Values.hosts.desk | quote }}}
- {name: TROIKA_ORGANISER, value: {{ .Values.organiser | quote }}}
- {name: TROIKA_MAIL_FROM, value: {{ .Values.mailFrom | quote }}}
{{- with .Values.insecure }}
- {name: TROIKA_INSECURE, value: {{ . | quote }}}
{{- end }}
{{- range $name, $value := .Values.environment }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- define "troika.superuserSecret" -}}
{{ .Values.postgresql.superuserSecret | default (printf "%s-postgresql-superuser" .Release.Name) }}
{{- end -}}

{{- define "troika.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* How many of a process: none where all are stopped; else the value of its name, else of its kind. */}}
{{- define "troika.replicas" -}}
{{- $own := index .root.Values.processes .process.name | default dict -}}
{{- if .root.Values.stopped -}}
0
{{- else if hasKey $own "replicas" -}}
{{ $own.replicas }}
{{- else if and .process.web (ne .process.scale "one") -}}
{{ .root.Values.web.replicas }}
{{- else if eq .process.scale "standby" -}}
2
{{- else -}}
1
{{- end -}}
{{- end -}}
