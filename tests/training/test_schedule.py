import math

import pytest
import torch

from posepaper.config import Training
from posepaper.training.schedule import (
    batchnorm_momentum,
    learning_rate,
    set_batchnorm_momentum,
)


def training(**values):
    return Training(**{"lr": 1e-3, "epochs": 210, "batch": 4, "threads": 1} | values)


def test_exponential_decay():
    rates = [learning_rate(training(lr_decay=0.95), e) for e in range(60)]
    assert rates == pytest.approx([1e-3 * math.exp(e * math.log(0.95)) for e in range(60)])


def test_decay_every_second_epoch():
    rates = [learning_rate(training(lr_decay=0.95, lr_decay_every=2), e) for e in range(5)]
    assert rates == pytest.approx([1e-3, 1e-3, 0.95e-3, 0.95e-3, 0.95**2 * 1e-3])


def test_milestones():
    recipe = training(milestones=(170, 200))
    rates = [learning_rate(recipe, e) for e in (0, 169, 170, 199, 200, 209)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_schedules_agree_with_torch():
    recipe = training(milestones=(3, 5), epochs=8)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5], gamma=0.1)
    for epoch in range(8):
        assert learning_rate(recipe, epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_batchnorm_momentum_falls_exponentially():
    recipe = training(bn_momentum=(0.1, 0.001), epochs=80)
    values = [batchnorm_momentum(recipe, e) for e in range(80)]
    assert values == pytest.approx([0.1 * math.exp(-e / 80 * math.log(100)) for e in range(80)])
    assert batchnorm_momentum(training(), 3) is None


def test_momentum_reaches_every_batch_norm():
    model = torch.nn.Sequential(
        torch.nn.BatchNorm1d(3), torch.nn.Sequential(torch.nn.BatchNorm2d(2))
    )
    set_batchnorm_momentum(model, 0.02)
    assert {model[0].momentum, model[1][0].momentum} == {0.02}
