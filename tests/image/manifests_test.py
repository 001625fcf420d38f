"""images/kubernetes: what kustomize makes of it holds together, and pgbosun accepts the configurations in it.

manifests_test.py PGBOSUN SOURCE_ROOT      exits with 77 when there is no kustomize to ask, or one that is too old
"""

import base64
import pathlib
import re
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


def knows_labels(command):
    """The kustomize 2 that kubectl had until 1.20, Debian 12's, cannot read these files."""
    if not shutil.which(command[0]):
        return False
    if command[0] == "kustomize":
        return True
    done = subprocess.run(["kubectl", "version", "--client", "--output", "yaml"], capture_output=True, text=True)
    return "kustomizeVersion" in done.stdout


KUSTOMIZE = next(filter(knows_labels, (["kubectl", "kustomize"], ["kustomize", "build"])), None)
if KUSTOMIZE is None:
    skip_all("neither kubectl 1.24 nor kustomize is here: go install sigs.k8s.io/kustomize/kustomize/v5@latest")


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
        cls.managed = build("overlays/managed")

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

    def test_every_key_that_a_pod_mounts_or_its_program_reads_is_in_a_secret(self):
        for documents in (self.with_standby, self.managed):
            workloads = self.of_kind("StatefulSet", documents) | self.of_kind("Deployment", documents)
            for name, workload in workloads.items():
                volumes = {volume["name"]: volume for volume in workload["spec"]["template"]["spec"]["volumes"]}
                mounted = volumes["secrets"]["secret"]
                keys = set(self.of_kind("Secret", documents)[mounted["secretName"]]["data"])
                wanted = {item["key"] for item in mounted.get("items", [])}
                config = self.of_kind("ConfigMap", documents)[volumes["config"]["configMap"]["name"]]["data"]
                files = {file for text in config.values() for file in re.findall("/etc/secrets/([a-z]+)", text)}
                with self.subTest(name):
                    self.assertTrue(files)
                    self.assertLessEqual(wanted, keys)
                    self.assertLessEqual(files, wanted or keys)

    def test_the_controller_knows_the_managed_instances_as_their_pods_are_called(self):
        (name, stateful), = self.of_kind("StatefulSet", self.managed).items()
        spec = stateful["spec"]
        container = spec["template"]["spec"]["containers"][0]
        port = {port["name"]: port["containerPort"] for port in container["ports"]}["http"]
        controller = yaml.safe_load(self.of_kind("ConfigMap", self.managed)["orders-controller"]["data"]["controller.yaml"])
        agent = yaml.safe_load(self.of_kind("ConfigMap", self.managed)["orders-pgbosun"]["data"]["pgbosun.yaml"])

        pods = [f"{name}-{number}" for number in range(spec["replicas"])]
        self.assertEqual([it["name"] for it in controller["instances"]], pods)
        for pod, it in zip(pods, controller["instances"]):
            host = f"{pod}.{spec['serviceName']}"
            self.assertEqual(it["url"], f"http://{host}:{port}")
            self.assertIn(f"host={host} ", it["conninfo"] + " ")
        self.assertEqual(agent["instance"], "${HOSTNAME}")
        self.assertEqual((agent["mode"], agent["cluster"]), ("managed", controller["cluster"]))
        self.assertEqual(agent["http"]["token_file"], controller["token_file"])
        # The first primary is chosen when all answer.
        self.assertEqual(spec["podManagementPolicy"], "Parallel")
        # Only the controller gives the role.
        self.assertNotIn("pgbosun.io/role", spec["template"]["metadata"]["labels"])
        role = self.of_kind("Role", self.managed)["orders-controller"]
        self.assertFalse([rule for rule in role["rules"] if "secrets" in rule["resources"]])

    def test_nothing_selects_pods_of_another_kind_in_a_managed_cluster(self):
        workloads = self.of_kind("StatefulSet", self.managed) | self.of_kind("Deployment", self.managed)
        selectors = {name: it["spec"]["selector"]["matchLabels"] for name, it in workloads.items()}
        selectors |= {name: it["spec"]["selector"] for name, it in self.of_kind("Service", self.managed).items()}
        for name, selector in selectors.items():
            # A role is given to pods later.
            wanted = {key: value for key, value in selector.items() if key != "pgbosun.io/role"}.items()
            selected = {it for it, workload in workloads.items()
                        if wanted <= workload["spec"]["template"]["metadata"]["labels"].items()}
            self.assertEqual(selected, {"orders-controller" if name == "orders-controller" else "orders"}, name)

    def test_a_drain_takes_one_managed_instance_at_a_time_and_leaves_controllers_alone(self):
        (budget,) = self.of_kind("PodDisruptionBudget", self.managed).values()
        self.assertEqual((budget["spec"]["maxUnavailable"], budget["spec"].get("minAvailable")), (1, None))
        selector = budget["spec"]["selector"]["matchLabels"]
        workloads = self.of_kind("StatefulSet", self.managed) | self.of_kind("Deployment", self.managed)
        selected = {name for name, it in workloads.items()
                    if selector.items() <= it["spec"]["template"]["metadata"]["labels"].items()}
        self.assertEqual(selected, set(self.of_kind("StatefulSet", self.managed)))

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
        managed = self.of_kind("StatefulSet", self.managed) | self.of_kind("Deployment", self.managed)
        for name, workload in (self.of_kind("StatefulSet") | managed).items():
            pod = workload["spec"]["template"]["spec"]
            container = pod["containers"][0]
            with self.subTest(name):
                self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                self.assertIn("fsGroup", pod["securityContext"])
                self.assertIs(container["securityContext"]["readOnlyRootFilesystem"], True)
                self.assertIs(container["securityContext"]["allowPrivilegeEscalation"], False)
                self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
                # The controller keeps its record and labels pods.
                self.assertIs(pod.get("automountServiceAccountToken", True), workload["kind"] == "Deployment")

    def test_the_probes_ask_pgbosun(self):
        for stateful in self.of_kind("StatefulSet").values():
            container = stateful["spec"]["template"]["spec"]["containers"][0]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            paths = {probe: container[probe]["httpGet"]["path"]
                     for probe in ("readinessProbe", "livenessProbe")}
            self.assertEqual(paths, {"readinessProbe": "/readyz", "livenessProbe": "/livez"})
            self.assertEqual({ports[container[probe]["httpGet"]["port"]] for probe in paths}, {8008})

    def test_no_clone_or_recovery_is_killed_for_taking_its_time(self):
        for stateful in [*self.of_kind("StatefulSet").values(), *self.of_kind("StatefulSet", self.managed).values()]:
            self.assertNotIn("startupProbe", stateful["spec"]["template"]["spec"]["containers"][0])

    def test_nobody_may_read_secrets_or_change_more_than_pods(self):
        for role in self.of_kind("Role").values():
            for rule in role["rules"]:
                self.assertEqual(rule["resources"], ["pods"])
                self.assertLessEqual(set(rule["verbs"]), {"get", "list", "watch", "patch"})

    def test_pgbosun_accepts_every_configuration_and_stops_within_the_grace_period(self):
        stateful_sets = [(self.with_standby, *it) for it in self.of_kind("StatefulSet").items()]
        stateful_sets += [(self.managed, *it) for it in self.of_kind("StatefulSet", self.managed).items()]
        for documents, name, stateful in stateful_sets:
            pod = stateful["spec"]["template"]["spec"]
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            text = self.of_kind("ConfigMap", documents)[volumes["config"]["configMap"]["name"]]["data"]["pgbosun.yaml"]
            secret = self.of_kind("Secret", documents)[volumes["secrets"]["secret"]["secretName"]]["data"]
            with self.subTest(name), tempfile.TemporaryDirectory() as place:
                said = self.check(text, secret, pathlib.Path(place))
                # TLS wants certificates, which an example cannot have.
                warnings = [line for line in said.splitlines() if "warning" in line]
                expected = ["the token crosses the network unencrypted"] if documents is self.managed else []
                self.assertEqual(len(warnings), len(expected), warnings)
                for warning, words in zip(warnings, expected):
                    self.assertIn(words, warning)
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
            file.write_bytes(base64.b64decode(value))
            file.chmod(0o600)
        config = place / "pgbosun.yaml"
        config.write_text(text)
        done = subprocess.run([PGBOSUN, "config", "check", "--config", str(config)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.split("cluster:")[0]


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
