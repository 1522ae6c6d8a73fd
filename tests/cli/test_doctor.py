import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studies.cli import doctor

CPU = torch.device("cpu")


def test_report_names_every_backend_weight_and_launcher(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(doctor.Request(speed=False)) == 0
    printed = capsys.readouterr().out
    for name in (
        "torch",
        "reference",
        "triton",
        "mamba-ssm",
        "inception",
        "dinov2",
        "i3d",
        "VAE",
        "CLIP",
        "slurm",
    ):
        assert f"  {name}" in printed


def test_a_wrong_backend_is_called_wrong_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    from zigma.ops import torch_chunked

    right = torch_chunked.BACKEND
    wrong = replace(right, selective_scan=lambda *inputs: right.selective_scan(*inputs) * 1.01)
    monkeypatch.setattr(torch_chunked, "BACKEND", wrong)
    by_name = {finding.name: finding for finding in doctor.scans(CPU, timed=True)}
    assert not by_name["torch"].present
    assert "WRONG" in by_name["torch"].detail
    assert "speed" not in by_name["torch"].detail
    assert "1 times the reference's speed" in by_name["reference"].detail


def test_weights_are_found_where_the_user_puts_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("ZIGMA_WEIGHTS", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    missing = {finding.name: finding for finding in doctor.weights()}
    assert not missing["inception"].present
    assert "https://" in missing["inception"].advice
    assert "huggingface.co/openai/clip-vit-large-patch14" in missing["CLIP"].advice
    (tmp_path / "ZIGMA_WEIGHTS" / "clip-vit-large-patch14").mkdir(parents=True)
    (tmp_path / "ZIGMA_WEIGHTS" / "clip-vit-large-patch14" / "model.safetensors").touch()
    repository = tmp_path / "hub" / "models--stabilityai--sd-vae-ft-ema"
    vae = repository / "snapshots" / "abc"
    vae.mkdir(parents=True)
    (vae / "diffusion_pytorch_model.safetensors").touch()
    by_name = {finding.name: finding for finding in doctor.weights()}
    assert by_name["CLIP"].present
    assert not by_name["VAE"].present  # of no revision that a run would take
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    by_name = {finding.name: finding for finding in doctor.weights()}
    assert by_name["VAE"].detail == str(vae)
    (tmp_path / "ZIGMA_WEIGHTS" / "sd-vae-ft-ema").mkdir()  # which a run looks into first
    by_name = {finding.name: finding for finding in doctor.weights()}
    assert "no autoencoder in" in by_name["VAE"].advice


def test_importing_it_costs_no_torch() -> None:
    code = "import sys, studies.cli.doctor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_slurm_is_asked_and_every_gap_has_an_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}")
    (queue,) = doctor.slurm()
    assert (queue.present, "log in to a node" in queue.advice) == (False, True)
    for word in ("sbatch", "srun", "squeue", "sinfo", "sacct"):
        (tmp_path / word).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / word).chmod(0o755)
    (queue,) = doctor.slurm()
    assert (queue.present, "scontrol ping" in queue.advice) == (False, True)
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'main* (2 nodes, infinite, gpu:4)'\n")
    queue, accounts = doctor.slurm()
    assert queue.present
    assert "main* (2 nodes, infinite, gpu:4)" in queue.detail
    assert (accounts.present, "slurmdbd" in accounts.advice) == (False, True)
    (tmp_path / "sacct").write_text("#!/bin/sh\nexit 0\n")
    assert doctor.slurm()[1].present
