// The API server of Kubernetes as its own cmd/kube-apiserver is: `go install` refuses that one for the replace
// directives in its go.mod, so that this module carries them. Built by scripts/kube-apiserver.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
