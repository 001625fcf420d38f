"""images/kubernetes: what kustomize makes of it holds together, and pgbosun accepts the configurations in it.

manifests_test.py PGBOSUN SOURCE_ROOT      exits with 77 when there is no kustomize to ask
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PGBOSUN, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
MANIFESTS = ROOT / "images/kubernetes"


def skip_all(why):
    print("SKIPPED:", why)
    sys.exit(77)


try:
    import yaml
except ImportError:
    skip_all("Python has no yaml module: apt-get install python3-yaml")

KUSTOMIZE = next((command for command in (["kubectl", "kustomize"], ["kustomize", "build"])
                  if shutil.which(command[0])), None)
if KUSTOMIZE is None:
    skip_all("neither kubectl nor kustomize is here: go install sigs.k8s.io/kustomize/kustomize/v5@latest")


def build(folder):
    done = subprocess.run([*KUSTOMIZE, str(MANIFESTS / folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(KUSTOMIZE)} {folder}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = build("base")
        cls.with_standby = build("overlays/standby")

    def of_kind(self, kind, documents=None):
        return {document["metadata"]["name"]: document for document in documents or self.with_standby
                if document["kind"] == kind}

    def test_the_base_is_one_primary_and_the_overlay_adds_a_standby(self):
        self.assertEqual(set(self.of_kind("StatefulSet", self.base)), {"orders-primary"})
        self.assertEqual(set(self.of_kind("StatefulSet")), {"orders-primary", "orders-standby"})
        for name, claim in self.of_kind("StatefulSet").items():
            self.assertEqual(claim["spec"]["replicas"], 1, name)

    def test_every_name_that_a_pod_refers_to_exists(self):
        for name, stateful in self.of_kind("StatefulSet").items():
            spec = stateful["spec"]
            pod = spec["template"]["spec"]
            with self.subTest(name):
                self.assertIn(spec["serviceName"], self.of_kind("Service"))
                self.assertIn(pod["serviceAccountName"], self.of_kind("ServiceAccount"))
                volumes = {volume["name"]: volume for volume in pod["volumes"]}
                self.assertIn(volumes["config"]["configMap"]["name"], self.of_kind("ConfigMap"))
                self.assertIn(volumes["secrets"]["secret"]["secretName"], self.of_kind("Secret"))
                claims = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
                mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
                self.assertEqual(mounts, claims | set(volumes))
                self.assertLessEqual(spec["selector"]["matchLabels"].items(),
                                     spec["template"]["metadata"]["labels"].items())

    def test_two_stateful_sets_never_select_each_other_s_pods(self):
        stateful = self.of_kind("StatefulSet")
        for name, one in stateful.items():
            for other_name, other in stateful.items():
                selected = (one["spec"]["selector"]["matchLabels"].items()
                            <= other["spec"]["template"]["metadata"]["labels"].items())
                self.assertEqual(selected, name == other_name, f"{name} selects {other_name}")

    def test_services_select_by_role(self):
        pods = {name: stateful["spec"]["template"]["metadata"]["labels"]
                for name, stateful in self.of_kind("StatefulSet").items()}
        wanted = {"orders-rw": {"orders-primary"}, "orders-ro": {"orders-standby"},
                  "orders-r": {"orders-primary", "orders-standby"},
                  "orders-pods": {"orders-primary", "orders-standby"}}
        for name, service in self.of_kind("Service").items():
            selector = service["spec"]["selector"].items()
            self.assertEqual({pod for pod, labels in pods.items() if selector <= labels.items()}, wanted.pop(name))
        self.assertEqual(wanted, {})

    def test_pods_are_restricted(self):
        for name, stateful in self.of_kind("StatefulSet").items():
            pod = stateful["spec"]["template"]["spec"]
            container = pod["containers"][0]
            with self.subTest(name):
                self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                self.assertIn("fsGroup", pod["securityContext"])
                self.assertIs(container["securityContext"]["readOnlyRootFilesystem"], True)
                self.assertIs(container["securityContext"]["allowPrivilegeEscalation"], False)
                self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
                self.assertIs(pod["automountServiceAccountToken"], False)

    def test_the_probes_ask_pgbosun(self):
        for stateful in self.of_kind("StatefulSet").values():
            container = stateful["spec"]["template"]["spec"]["containers"][0]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            paths = {probe: container[probe]["httpGet"]["path"]
                     for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
            self.assertEqual(paths, {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"})
            self.assertEqual({ports[container[probe]["httpGet"]["port"]] for probe in paths}, {8008})

    def test_nobody_may_read_secrets_or_change_more_than_pods(self):
        for role in self.of_kind("Role").values():
            for rule in role["rules"]:
                self.assertEqual(rule["resources"], ["pods"])
                self.assertLessEqual(set(rule["verbs"]), {"get", "list", "watch", "patch"})

    def test_pgbosun_accepts_every_configuration_and_stops_within_the_grace_period(self):
        for name, stateful in self.of_kind("StatefulSet").items():
            pod = stateful["spec"]["template"]["spec"]
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            text = self.of_kind("ConfigMap")[volumes["config"]["configMap"]["name"]]["data"]["pgbosun.yaml"]
            secret = self.of_kind("Secret")[volumes["secrets"]["secret"]["secretName"]]["data"]
            with self.subTest(name), tempfile.TemporaryDirectory() as place:
                self.check(text, secret, pathlib.Path(place))
                whole = yaml.safe_load(text)["shutdown"]["timeout"]
                self.assertLess(int(whole.removesuffix("s")), pod["terminationGracePeriodSeconds"])

    def check(self, text, secret, place):
        """With the pod's directories moved below a temporary one."""
        for kept in ("/var/lib/postgresql/data", "/run/pgbosun", "/etc/secrets"):
            self.assertTrue(kept == "/etc/secrets" or kept in text)
            text = text.replace(kept, str(place) + kept)
            (place / kept[1:]).mkdir(parents=True)
        for key, value in secret.items():
            file = place / "etc/secrets" / key
            file.write_text(value)
            file.chmod(0o600)
        config = place / "pgbosun.yaml"
        config.write_text(text)
        done = subprocess.run([PGBOSUN, "config", "check", "--config", str(config)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("warning", done.stdout.split("cluster:")[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
