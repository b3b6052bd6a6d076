"""A network and a task that the project does not know, registered from outside.

``python -m tests.support.toy COMMAND FLAG...`` runs a command of the project with both of them, as
``python -m tests.support.toy trainer.task --config=toy ...``.
"""

from configs.experiments import register
from configs.typed import NETWORKS, TASKS
from evaluation.tasks import registry as rooms
from tests.support.toy.settings import CONFIG, ToyNetworkSettings, ToyTaskSettings
from trainer import networks
from trainer.tasks import registry as tasks

NETWORKS["toy"] = ToyNetworkSettings
TASKS["toy"] = ToyTaskSettings
networks.MODULES["toy"] = "tests.support.toy.network"
tasks.PACKAGES["toy"] = "tests.support.toy"
rooms.ROOMS["toy"] = "tests.support.toy.room"
register(CONFIG)
