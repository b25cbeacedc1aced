{{/* The growth of a counter within a window, per series. Takes (list 'metric{…}' "15m"). A series that began within the window counts
     with its full value, because increase() misses the first value. Series of rare states often begin this way. */}}
{{- define "cronzimus.grew" -}}
{{- $series := index . 0 }}{{ $window := index . 1 -}}
({{ $series }} unless last_over_time({{ $series }}[{{ $window }}] offset {{ $window }})) or increase({{ $series }}[{{ $window }}])
{{- end }}

{{/* One alert. Takes (list $ name expression summary description), in which $threshold and {$selector} are replaced. */}}
{{- define "cronzimus.alert" -}}
{{- $rule := (index . 0).Values.metrics.prometheusRule }}
{{- $alert := get $rule.alerts (index . 1) }}
{{- if $alert.enabled }}
{{- include "cronzimus.alertRule" (dict "root" (index . 0) "name" (index . 1) "expr" (index . 2) "summary" (index . 3)
  "description" (index . 4) "threshold" $alert.threshold "for" $alert.for "severity" $alert.severity) }}
{{- end }}
{{- end }}

{{- define "cronzimus.alertRule" }}
{{- $rule := .root.Values.metrics.prometheusRule }}
{{- $fullname := include "cronzimus.fullname" .root }}
{{- $selector := $rule.selector | default (printf "namespace=%q,service=%q" .root.Release.Namespace (printf "%s-metrics" $fullname)) }}
- alert: {{ .name }}
  expr: {{ .expr | replace "$selector" $selector | replace "$threshold" (include "cronzimus.text" .threshold) | squote }}
  {{- if ne .for "0m" }}
  for: {{ .for }}
  {{- end }}
  labels:
    severity: {{ .severity }}
    namespace: {{ .root.Release.Namespace }}
    release: {{ .root.Release.Name }}
  annotations:
    summary: {{ .summary | squote }}
    description: {{ .description | squote }}
    runbook_url: {{ $rule.runbookUrl }}#{{ lower .name }}
{{- end }}
