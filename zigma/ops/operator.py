"""How a kernel becomes an operator: known to torch, and called without its detours where nobody needs them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import is_in_torch_dispatch_mode


def watched() -> bool:
    """Whether operators are being noted, by torch.compile, a trace or a mode, rather than just computed."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing() or is_in_torch_dispatch_mode()


def transformed() -> bool:
    """Whether a transform of torch.func (grad, vmap, jvp) is at work, whose tensors hide the values from kernels."""
    return bool(torch._C._are_functorch_transforms_active())  # what autograd functions ask themselves


def outside_transforms() -> AbstractContextManager[Any]:
    """Inside it tensors are made, and those that no transform has wrapped are read, as if none were at work."""
    if not transformed():
        return nullcontext()
    # torch has no public way; imported here, so that a torch that has moved it spoils nothing else
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    cleared: AbstractContextManager[Any] = temporarily_clear_interpreter_stack()
    return cleared


class Operator:
    """`compute`, registered with torch as `name`, with or without gradients.

    A call through torch's registry takes some 0.1 ms, many times what a kernel takes on a few tokens, so it is made
    only where the operator is to be seen.

    Args:
        name: such as "zigma::cpu_scan".
        compute: typed as `torch.library.custom_op` wants it; changes none of its arguments.
        fake: from arguments without values, results without values (`register_fake`).
    """

    def __init__(self, name: str, compute: Callable[..., Any], fake: Callable[..., Any]) -> None:
        self._registered = torch.library.custom_op(name, compute, mutates_args=())
        self._registered.register_fake(fake)
        self._direct = compute

    def differentiate(self, gradients: Callable[..., Any], save: Callable[..., None]) -> None:
        """Give it gradients: both as `register_autograd` wants them.

        `gradients` is called with gradients enabled where its results are to be differentiated again.
        """
        self._registered.register_autograd(gradients, setup_context=save)
        self._direct = _direct(self._direct, gradients, save)

    def __call__(self, *arguments: Any) -> Any:
        return (self._registered if watched() else self._direct)(*arguments)


def _direct(
    compute: Callable[..., Any], gradients: Callable[..., Any], save: Callable[..., None]
) -> Callable[..., Any]:
    """An autograd function of the same three parts that torch's registry takes.

    They meet in `forward`, since torch binds the arguments anew at each call of one that has `setup_context`.
    """

    class Direct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            result = compute(*arguments)
            save(ctx, arguments, result)
            return result

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return gradients(ctx, *grads)

    return Direct.apply
