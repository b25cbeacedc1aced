{{/* A number in digits. Helm stores numbers as floats and prints large ones as 1e+06. */}}
{{- define "cronzimus.text" -}}
{{- if kindIs "float64" . }}{{ if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* A quantity of memory in MiB, rounded down. */}}
{{- define "cronzimus.mebibytes" -}}
{{- $text := toString . }}
{{- if kindIs "float64" . }}{{ $text = include "cronzimus.text" . }}{{ end }}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text }}
{{- $unit := trimPrefix $number $text }}
{{- $bytes := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- if or (not $number) (not (hasKey $bytes $unit)) }}
{{- fail (printf "\n\nresources.limits.memory is %q, from which the chart cannot compute the heap size. Write it as 512Mi, 2Gi or 1.5G, or set heapPercent to 0\n" $text) }}
{{- end }}
{{- divf (mulf (float64 $number) (get $bytes $unit)) 1048576 | floor | int64 }}
{{- end }}

{{/* NODE_OPTIONS with a limit in MiB for Node's old space, because Node 24 accepts no percentage. Empty without a memory limit or
     with heapPercent 0. */}}
{{- define "cronzimus.heap" -}}
{{- $limit := dig "limits" "memory" "" .resources }}
{{- if and $limit .heapPercent }}
{{- $mebibytes := include "cronzimus.mebibytes" $limit | int64 }}
- name: NODE_OPTIONS
  value: --max-old-space-size={{ div (mul $mebibytes .heapPercent) 100 }}
{{- end }}
{{- end }}

{{- define "cronzimus.databaseEnv" -}}
- name: DATABASE_URL_FILE
  value: /etc/cronzimus/database/url
{{- with .Values.database }}
{{- if .directKey }}
- name: DATABASE_DIRECT_URL
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .directKey }} }
{{- end }}
{{- end }}
{{- if or .Values.ca.existingSecret .Values.ca.existingConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/cronzimus/ca/ca.crt
{{- end }}
{{- end }}

{{/* The environment variables of a dict, sorted by name. Leaves out those that are null. */}}
{{- define "cronzimus.configEnv" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ include "cronzimus.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* All environment variables of a component. Takes (dict "root" "component" …). */}}
{{- define "cronzimus.env" -}}
{{- $root := .root }}
{{- $values := $root.Values }}
- name: PORT
  value: '3000'
- name: ROLES
  value: {{ join "," .roles }}
- name: SHUTDOWN_GRACE_SECONDS
  value: {{ .grace | quote }}
- name: DATABASE_MIGRATE
  value: {{ eq $values.migrations.mode "auto" | quote }}
{{ include "cronzimus.databaseEnv" $root }}
{{- if eq $values.auth.mode "none" }}
- name: AUTH_MODE
  value: none
{{- else }}
- name: API_KEYS_FILE
  value: /etc/cronzimus/api-keys/api-keys.yaml
{{- end }}
{{- if $values.metrics.public }}
- name: METRICS_PUBLIC
  value: 'true'
{{- end }}
{{- if and (has "scheduler" .roles) (include "cronzimus.jobsConfigMap" $root) }}
- name: JOBS_FILE
  value: /etc/cronzimus/jobs
{{- end }}
{{- if and (has "worker" .roles) $values.secrets.existingSecret }}
- name: SECRETS_DIR
  value: /etc/cronzimus/secrets
{{- end }}
{{- if $values.alerts.existingSecret }}
- name: CHANNELS_FILE
  value: /etc/cronzimus/channels/channels.yaml
{{- end }}
{{- if and (has "scheduler" .roles) $values.heartbeat.existingSecret }}
- name: HEARTBEAT_URL_FILE
  value: /etc/cronzimus/heartbeat/url
{{- end }}
{{- include "cronzimus.heap" (dict "resources" .resources "heapPercent" $values.heapPercent) }}
{{- $defaults := dict "HOST" "0.0.0.0" "NODE_ENV" "production" }}
{{- if and (has "api" .roles) (or $values.ingress.enabled $values.httpRoute.enabled) }}
{{- $_ := set $defaults "TRUST_PROXY" 1 }}
{{- end }}
{{- include "cronzimus.configEnv" (merge (dict) .config $defaults) }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
