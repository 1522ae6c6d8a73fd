"""Shards in many processes, and more of them than a process may open."""

import os
import pickle
import resource

import pytest
import torch
from made_shards import load, pictures

from zigma.data.shards.descriptors import Descriptors


def test_more_shards_than_a_process_may_open(tmp_path):
    pictures(tmp_path, count=300, shards=300)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        data = load(tmp_path)
        batch = data.train.batch(range(len(data.train)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(batch) == len(data.train) > 250
    assert not data.train.skipped


def test_descriptors_in_use_stay_open_and_others_are_few(tmp_path):
    files = [tmp_path / str(i) for i in range(10)]
    for file in files:
        file.write_text(file.name)
    descriptors = Descriptors(most=3)
    with descriptors.reading(files[0]) as first:
        for file in files:
            with descriptors.reading(file) as other:
                assert os.pread(other, 9, 0).decode() == file.name
        assert os.pread(first, 9, 0) == b"0"
        assert len(descriptors) == 3


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_split_used_in_the_parent_answers_in_forked_workers(tmp_path):
    split = load(pictures(tmp_path)).train
    expected = split.batch([0, 1]).images

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return len(split)

        def __getitem__(self, i):
            return split.batch([i]).images[0]

    loader = torch.utils.data.DataLoader(
        Items(), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
    )
    assert torch.equal(next(iter(loader)), expected)
    assert torch.equal(split.batch([0, 1]).images, expected)


def test_a_split_can_be_sent_after_it_was_used(tmp_path):
    split = load(pictures(tmp_path)).train
    batch = split.batch([3])
    assert torch.equal(pickle.loads(pickle.dumps(split)).batch([3]).images, batch.images)
