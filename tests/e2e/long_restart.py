"""kill -9 at a hundred random moments, each under all of the load of test_restart.py."""

from fairlead_lab.restarts import RestartTest


class HundredKills(RestartTest):
    ROUNDS = 100

    def test_kills(self):
        self.change_by_hand()
        for done in range(0, self.ROUNDS, 2):
            with self.under_load():
                for _ in range(2):
                    with self.kept(reasons=("after-crash",)):
                        self.end("kill")
                # The guard of the arena counts; a stop in order lets it forget.
                with self.kept(reasons=("after-stop",)):
                    self.end("stop")
            print(f"     {done + 2} kills", flush=True)
