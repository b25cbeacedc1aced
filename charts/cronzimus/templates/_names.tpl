{{- define "cronzimus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 46 characters, so that a suffix and what Kubernetes appends fit into 63. */}}
{{- define "cronzimus.fullname" -}}
{{- $name := include "cronzimus.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cronzimus.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
app.kubernetes.io/name: {{ include "cronzimus.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The selector of a component's pods. Takes (list $ "server"). It must never change, because selectors are immutable. */}}
{{- define "cronzimus.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "cronzimus.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "cronzimus.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "cronzimus.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "cronzimus.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* At most 40 characters of the full name. The revision, up to six digits, and a digest are appended, and a Job name has at most 63
     characters. */}}
{{- define "cronzimus.migrateName" -}}
{{ include "cronzimus.fullname" . | trunc 40 | trimSuffix "-" }}-migrate
{{- end }}

{{- define "cronzimus.trialKeys" -}}
{{ include "cronzimus.fullname" . }}-trial-keys
{{- end }}

{{/* The name of the ConfigMap with the jobs file. Empty if there is none. */}}
{{- define "cronzimus.jobsConfigMap" -}}
{{- if .Values.jobs.existingConfigMap }}{{ .Values.jobs.existingConfigMap }}
{{- else if kindIs "map" .Values.jobs.inline }}{{ include "cronzimus.fullname" . }}-jobs
{{- end }}
{{- end }}
