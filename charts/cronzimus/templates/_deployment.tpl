{{/* A Deployment. Takes (dict "root" $ "name" "component" "roles" "replicas" "autoscaled" "grace" "preStop" "config" "resources"). */}}
{{- define "cronzimus.deployment" -}}
{{- $values := .root.Values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "cronzimus.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not .autoscaled }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  # Longer than a start takes.
  progressDeadlineSeconds: {{ add (mul $values.probes.startup.periodSeconds $values.probes.startup.failureThreshold) 300 }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 25% }
  selector:
    matchLabels:
      {{- include "cronzimus.selector" (list .root .component) | nindent 6 }}
  template:
    metadata:
      # Without the version of the chart, so that a new chart version alone restarts nothing.
      labels:
        {{- include "cronzimus.selector" (list .root .component) | nindent 8 }}
        cronzimus/metrics: 'true'
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: cronzimus
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "cronzimus.podBase" .root | nindent 6 }}
      serviceAccountName: {{ include "cronzimus.serviceAccountName" .root }}
      # Requests in flight, the grace of the attempts, 20 s to hand back runs, 5 s for requests that hang, and 5 s to spare.
      terminationGracePeriodSeconds: {{ add .preStop .grace 30 }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- include "cronzimus.spread" $ | nindent 8 }}
      {{- end }}
      {{- with $values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: cronzimus
          {{- include "cronzimus.container" .root | nindent 10 }}
          command: {{ toJson $values.command }}
          env:
            {{- include "cronzimus.withoutDoubles" (include "cronzimus.env" . | fromYamlArray) | nindent 12 }}
          ports:
            - { name: http, containerPort: 3000 }
          startupProbe:
            httpGet: { path: /health/live, port: http }
            {{- toYaml $values.probes.startup | nindent 12 }}
          livenessProbe:
            httpGet: { path: /health/live, port: http }
            {{- toYaml $values.probes.liveness | nindent 12 }}
          readinessProbe:
            httpGet: { path: /health/ready, port: http }
            {{- toYaml $values.probes.readiness | nindent 12 }}
          {{- if .preStop }}
          lifecycle:
            preStop:
              sleep: { seconds: {{ .preStop }} }
          {{- end }}
          {{- with .resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            {{- include "cronzimus.mounts" . | nindent 12 }}
      volumes:
        {{- include "cronzimus.volumes" . | nindent 8 }}
{{- end }}
