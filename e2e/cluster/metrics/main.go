// Command metrics-server is Kubernetes' own: it tells the API server what pods use, for the HPA. It is a module by
// itself, since it needs older libraries than the rest of Kubernetes here.
package main

import (
	"fmt"
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/logs"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	logs.InitLogs()
	err := app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler()).Execute()
	logs.FlushLogs()
	if err != nil {
		fmt.Fprintln(os.Stderr, "metrics-server:", err)
		os.Exit(1)
	}
}
