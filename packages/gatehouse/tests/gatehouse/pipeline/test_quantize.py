"""The stage `quantize`: a smaller graph that decides alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from gatehouse.model import Model
from gatehouse.pipeline.quantize import main, quantize
from gatehouse.pipeline.train import main as train

if TYPE_CHECKING:
    from gatehouse.pipeline.quantize import Method
    from tests.gatehouse.pipeline.conftest import Shop

FP32, INT8 = Path("models/model.onnx"), Path("models/model.int8.onnx")
METHODS: list[Method] = ["static", "dynamic"]


def use(shop: Shop, method: Method) -> None:
    shop.edit("params.yaml", "{method: static}", f"{{method: {method}}}")


@pytest.mark.parametrize("method", METHODS)
def test_int8_decides_as_fp32_does(shop: Shop, method: Method) -> None:
    use(shop, method)
    assert train() == 0
    assert main() == 0
    models = Model(FP32), Model(INT8)
    full, small = (models[1].decisions(m.outputs(shop.valid)) for m in models)
    assert (full == small).mean() >= 0.97


@pytest.mark.parametrize("method", METHODS)
def test_no_product_overflows_on_any_processor(shop: Shop, method: Method) -> None:
    """Weights have 7 bits: two 8-bit products of them fit into the 16 bits that AVX2 adds in."""
    assert train() == 0
    result = onnx.load_from_string(quantize(FP32.read_bytes(), method, shop.train))
    tensors = [i for i in result.graph.initializer if i.data_type == onnx.TensorProto.INT8]
    weights = [numpy_helper.to_array(i) for i in tensors if i.dims]
    largest = max(int(np.abs(w.astype(int)).max()) for w in weights)
    assert 32 < largest <= 64
    assert 2 * 255 * largest < 2**15


@pytest.mark.parametrize("method", METHODS)
def test_metadata_and_inputs_stay(shop: Shop, method: Method) -> None:
    use(shop, method)
    assert train() == 0
    assert main() == 0
    models = Model(FP32), Model(INT8)
    assert models[0].metadata == models[1].metadata.model_copy(update={"threshold": 0.5})
    assert models[0].inputs == models[1].inputs


@pytest.mark.parametrize("method", METHODS)
def test_the_dense_core_is_quantized_and_nothing_else(shop: Shop, method: Method) -> None:
    """A quantized embedding or bin would change what a raw value means."""
    assert train() == 0
    source = onnx.load(FP32)
    result = onnx.load_from_string(quantize(FP32.read_bytes(), method, shop.train))
    weights = {i.name: i.data_type for i in result.graph.initializer}
    int8 = {name for name, kind in weights.items() if kind == onnx.TensorProto.INT8}
    assert len([name for name in int8 if "mlp.0.weight" in name]) >= 1
    kept = {i.name: i for i in source.graph.initializer if "mlp" not in i.name}
    assert kept
    for name, tensor in kept.items():
        (same,) = [i for i in result.graph.initializer if i.name == name]
        assert same.SerializeToString() == tensor.SerializeToString()
    for kind in ("LabelEncoder", "Gather", "IsNaN"):
        count = [sum(n.op_type == kind for n in g.graph.node) for g in (source, result)]
        assert count[0] == count[1] > 0


@pytest.mark.parametrize("method", METHODS)
def test_two_runs_give_the_same_bytes_and_leave_nothing(
    shop: Shop, method: Method, capfd: pytest.CaptureFixture[str]
) -> None:
    """`gatehouse verify` compares bytes; a library's advice and scratch files are not ours."""
    use(shop, method)
    assert train() == 0
    capfd.readouterr()
    assert main() == 0
    first = INT8.read_bytes()
    assert main() == 0
    assert INT8.read_bytes() == first
    assert sorted(p.name for p in Path("models").iterdir()) == [INT8.name, FP32.name]
    assert not [p for p in Path().iterdir() if p.suffix in (".onnx", ".json", ".data")]
    printed = capfd.readouterr()
    assert printed.err == ""
    assert len(printed.out.splitlines()) == 2


def test_the_served_graph_has_the_threshold_of_the_settings(shop: Shop) -> None:
    """Attacks a threshold that is trained in: another one would train again, or be ignored."""
    assert train() == 0
    trained = FP32.read_bytes()
    for threshold in (0.4, 0.7):
        shop.edit(
            "params.yaml", "decision: {threshold: 0.4}", f"decision: {{threshold: {threshold}}}"
        )
        assert main() == 0
        served = Model(INT8)
        assert served.metadata == Model(FP32).metadata.model_copy(update={"threshold": threshold})
        scores = served.scores(shop.valid)
        decisions = served.decisions(served.outputs(shop.valid))
        assert (decisions == (scores >= threshold)).all()
        assert 0 < decisions.sum() < len(decisions)
    assert FP32.read_bytes() == trained


def test_the_threshold_can_follow_from_costs(shop: Shop) -> None:
    """Attacks a threshold that ignores costs, or one that another would undercut."""
    assert train() == 0
    shop.edit("params.yaml", "threshold: 0.4", "threshold: cost")
    labels = (shop.valid["bought"] == "yes").to_numpy()
    contract = Path("contract.yaml").read_text(encoding="utf-8")
    for fp, fn in ((1, 20), (20, 1)):
        cost = f"cost: {{false_positive: {fp}, false_negative: {fn}}}\n"
        Path("contract.yaml").write_text(contract + cost, encoding="utf-8")
        assert main() == 0
        served = Model(INT8)
        scores = served.scores(shop.valid)
        assert served.metadata.threshold is not None
        costs = [
            ((scores >= at) & ~labels).sum() * fp + ((scores < at) & labels).sum() * fn
            for at in (served.metadata.threshold, 0.1, 0.3, 0.5, 0.7, 0.9)
        ]
        assert costs[0] == min(costs)
        assert (served.metadata.threshold < 0.5) == (fn > fp)


def test_a_threshold_by_cost_needs_costs(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks a traceback, or a threshold that nobody chose."""
    assert train() == 0
    shop.edit("params.yaml", "threshold: 0.4", "threshold: cost")
    assert main() == 2
    assert "params.yaml: decision.threshold: 'cost' needs `cost` in contract.yaml" in (
        capsys.readouterr().err
    )


def test_a_static_score_does_not_depend_on_the_batch(shop: Shop) -> None:
    """Why static is the default: what was judged in batches is what is served row by row."""
    assert train() == 0
    model = Model(INT8, quantize(FP32.read_bytes(), "static", shop.train))
    alone = np.concatenate([model.scores(shop.valid.iloc[[i]]) for i in range(50)])
    np.testing.assert_allclose(alone, model.scores(shop.valid)[:50], atol=1e-6)


def test_a_graph_without_dense_layers_stays_as_it_is(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trees have nothing to quantize; a copy that is called INT8 would be a lie, so it is told."""
    assert train() == 0
    graph = onnx.load(FP32)
    age, two = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", width])
        for name, width in (("age", 1), ("probabilities", 2))
    )
    nodes = [
        onnx.helper.make_node("Concat", ["age", "age"], ["both"], axis=1),
        onnx.helper.make_node("Softmax", ["both"], ["probabilities"]),
    ]
    graph.graph.CopyFrom(onnx.helper.make_graph(nodes, "no layers", [age], [two]))
    onnx.save(graph, FP32)
    assert main() == 0
    assert onnx.load(INT8).graph == onnx.load(FP32).graph
    assert Model(INT8).metadata == Model(FP32).metadata.model_copy(update={"threshold": 0.4})
    assert "as it is (native): it has no MatMul, Gemm, Conv node" in capsys.readouterr().out


def test_no_model_is_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 2
    assert "run the stage `train` first" in capsys.readouterr().err
    FP32.parent.mkdir()
    FP32.write_bytes(b"not a graph")
    assert main() == 2
    assert "is not a usable ONNX graph" in capsys.readouterr().err
    assert not INT8.exists()
