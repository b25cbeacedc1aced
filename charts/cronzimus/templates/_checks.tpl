{{/* Rejects values that contradict each other. Each error says what would have worked. values.schema.json checks single values. */}}
{{- define "cronzimus.checks" -}}
{{- with .Values }}
{{- if not .database.existingSecret }}
{{- fail (printf "\n\ndatabase.existingSecret is required: the name of a Secret that contains the database URL. For example:\n  kubectl create secret generic cronzimus-database --namespace %s --from-literal=url='postgres://user:password@host:5432/database'\n" $.Release.Namespace) }}
{{- end }}
{{- if and (eq .auth.mode "keys") (not .auth.existingSecret) }}
{{- fail (printf "\n\nauth.existingSecret is required: the name of a Secret that contains a file of API keys. Without keys, the service does not start on an address that other machines can reach. For example:\n  key=$(openssl rand -base64 32)\n  echo \"- { name: me, role: admin, sha256: $(printf %%s \"$key\" | sha256sum | cut -c-64) }\" > api-keys.yaml\n  kubectl create secret generic cronzimus-api-keys --namespace %s --from-file=api-keys.yaml\nFor a trial, auth.mode=trial generates a key. With auth.mode=none, requests need no key.\n" $.Release.Namespace) }}
{{- end }}
{{- if and (ne .auth.mode "keys") .auth.existingSecret }}
{{- fail (printf "\n\nauth.mode=%s would ignore auth.existingSecret; remove one of them\n" .auth.mode) }}
{{- end }}
{{- if and .jobs.existingConfigMap (kindIs "map" .jobs.inline) }}
{{- fail "\n\njobs.inline and jobs.existingConfigMap are both set; set only one of them\n" }}
{{- end }}
{{- if and .ca.existingSecret .ca.existingConfigMap }}
{{- fail "\n\nca.existingSecret and ca.existingConfigMap are both set; set only one of them\n" }}
{{- end }}
{{- with .secrets.existingSecret }}
{{- $others := dict "database.existingSecret" $.Values.database.existingSecret "auth.existingSecret" $.Values.auth.existingSecret "metrics.serviceMonitor.existingSecret" $.Values.metrics.serviceMonitor.existingSecret "test.existingSecret" $.Values.test.existingSecret "alerts.existingSecret" $.Values.alerts.existingSecret "heartbeat.existingSecret" $.Values.heartbeat.existingSecret }}
{{- range $name, $other := $others }}
{{- if eq $other $.Values.secrets.existingSecret }}
{{- fail (printf "\n\nsecrets.existingSecret and %s name the same Secret, %s. A job can send the secrets of inputs anywhere, so give them a Secret of their own\n" $name $other) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.hosts) }}
{{- fail "\n\ningress.enabled needs ingress.hosts, such as [cronzimus.example.org]\n" }}
{{- end }}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}
{{- fail "\n\nhttpRoute.enabled needs httpRoute.parentRefs, such as [{ name: gateway, namespace: gateways }]\n" }}
{{- end }}
{{- if and .metrics.serviceMonitor.enabled (eq .auth.mode "keys") (not .metrics.public) (not .metrics.serviceMonitor.existingSecret) }}
{{- fail "\n\nmetrics.serviceMonitor.existingSecret is required, because /metrics requires a key: the name of a Secret that contains an API key of role viewer in plain text. Or set metrics.public=true\n" }}
{{- end }}
{{- if and .metrics.prometheusRule.enabled (not .metrics.serviceMonitor.enabled) (not .metrics.prometheusRule.selector) }}
{{- fail (printf "\n\nmetrics.prometheusRule.selector is required without metrics.serviceMonitor.enabled: the labels that select the series of this release in your Prometheus, such as namespace=\"%s\". By default, the alerts select labels that only the ServiceMonitor sets\n" $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A list of environment variables without duplicates. Which of two duplicates wins would depend on how they are applied. */}}
{{- define "cronzimus.withoutDoubles" -}}
{{- $seen := dict }}
{{- range . }}
{{- if hasKey $seen .name }}
{{- fail (printf "\n\nextraEnv names %s, which the chart already sets. Use the value of the chart for it, see README.md\n" .name) }}
{{- end }}
{{- $_ := set $seen .name true }}
{{- end }}
{{- toYaml . }}
{{- end }}
