"""A fresh volume comes up, and its stop is clean."""

import signal

import instance
from instance import Case


class Start(Case):
    def test_an_instance_that_is_not_pid_1_comes_up_and_sigterm_ends_it_cleanly(self):
        it = self.started()

        self.assertEqual(it.sql("select 1"), "1")
        self.assertEqual(it.http("GET", "/readyz").status, 200)
        self.assertEqual(it.stop(signal.SIGTERM), 0)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")


if __name__ == "__main__":
    instance.main()
