{{/* The parts that all pods of the chart share, including the pod that migrates. */}}
{{- define "cronzimus.podBase" -}}
automountServiceAccountToken: false
# Otherwise each Service of the namespace adds environment variables.
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "cronzimus.container" -}}
image: {{ include "cronzimus.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{- define "cronzimus.databaseMounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: database, mountPath: /etc/cronzimus/database, readOnly: true }
{{- if or .Values.ca.existingSecret .Values.ca.existingConfigMap }}
- { name: ca, mountPath: /etc/cronzimus/ca, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "cronzimus.databaseVolumes" -}}
- name: tmp
  emptyDir: { sizeLimit: {{ .Values.tmpSizeLimit }} }
- name: database
  secret:
    secretName: {{ .Values.database.existingSecret }}
    defaultMode: 0440
    items: [{ key: {{ .Values.database.key }}, path: url }]
{{- with .Values.ca }}
{{- if .existingSecret }}
- name: ca
  secret:
    secretName: {{ .existingSecret }}
    items: [{ key: {{ .key }}, path: ca.crt }]
{{- else if .existingConfigMap }}
- name: ca
  configMap:
    name: {{ .existingConfigMap }}
    items: [{ key: {{ .key }}, path: ca.crt }]
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Mount folders and never single files: Kubernetes updates files in a mounted folder, but not a file that is mounted by itself. */}}
{{- define "cronzimus.mounts" -}}
{{ include "cronzimus.databaseMounts" .root }}
{{- if ne .root.Values.auth.mode "none" }}
- { name: api-keys, mountPath: /etc/cronzimus/api-keys, readOnly: true }
{{- end }}
{{- if and (has "scheduler" .roles) (include "cronzimus.jobsConfigMap" .root) }}
- { name: jobs, mountPath: /etc/cronzimus/jobs, readOnly: true }
{{- end }}
{{- if and (has "worker" .roles) .root.Values.secrets.existingSecret }}
- { name: secrets, mountPath: /etc/cronzimus/secrets, readOnly: true }
{{- end }}
{{- if .root.Values.alerts.existingSecret }}
- { name: channels, mountPath: /etc/cronzimus/channels, readOnly: true }
{{- end }}
{{- if and (has "scheduler" .roles) .root.Values.heartbeat.existingSecret }}
- { name: heartbeat, mountPath: /etc/cronzimus/heartbeat, readOnly: true }
{{- end }}
{{- end }}

{{- define "cronzimus.volumes" -}}
{{- $values := .root.Values -}}
{{ include "cronzimus.databaseVolumes" .root }}
{{- if ne $values.auth.mode "none" }}
- name: api-keys
  secret:
    secretName: {{ ternary (include "cronzimus.trialKeys" .root) $values.auth.existingSecret (eq $values.auth.mode "trial") }}
    defaultMode: 0440
    items: [{ key: {{ ternary "api-keys.yaml" $values.auth.key (eq $values.auth.mode "trial") }}, path: api-keys.yaml }]
{{- end }}
{{- if and (has "scheduler" .roles) (include "cronzimus.jobsConfigMap" .root) }}
- name: jobs
  configMap:
    name: {{ include "cronzimus.jobsConfigMap" .root }}
{{- end }}
{{- if and (has "worker" .roles) $values.secrets.existingSecret }}
- name: secrets
  secret:
    secretName: {{ $values.secrets.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- if $values.alerts.existingSecret }}
- name: channels
  secret:
    secretName: {{ $values.alerts.existingSecret }}
    defaultMode: 0440
    items: [{ key: {{ $values.alerts.key }}, path: channels.yaml }]
{{- end }}
{{- if and (has "scheduler" .roles) $values.heartbeat.existingSecret }}
- name: heartbeat
  secret:
    secretName: {{ $values.heartbeat.existingSecret }}
    defaultMode: 0440
    items: [{ key: {{ $values.heartbeat.key }}, path: url }]
{{- end }}
{{- end }}

{{/* The topology spread constraints of a component. They apply per pod template hash, so that new pods of a rollout are spread too. Takes (dict "root" "component"). */}}
{{- define "cronzimus.spread" -}}
{{- $selector := dict "matchLabels" (include "cronzimus.selector" (list .root .component) | fromYaml) }}
{{- $spread := list }}
{{- range .root.Values.topologySpreadConstraints }}
{{- if .labelSelector }}{{ $spread = append $spread . }}
{{- else }}{{ $spread = append $spread (merge (dict "labelSelector" $selector "matchLabelKeys" (list "pod-template-hash")) .) }}
{{- end }}
{{- end }}
{{- toYaml $spread }}
{{- end }}
