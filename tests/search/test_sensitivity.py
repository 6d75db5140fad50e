from cnnedge.documents.trials import LayerCost
from cnnedge.search.sensitivity import sets_to_try


def test_layers_are_added_by_their_cost_up_to_half_of_all():
    costs = tuple(LayerCost(f"layer{index}", 0.0, 1.0 / (index + 1)) for index in range(20))
    found = list(sets_to_try(costs))
    assert [len(one) for one in found] == [1, 2, 3, 4, 5, 6, 8, 10]
    assert found[2] == ("layer0", "layer1", "layer2")


def test_a_layer_that_costs_nothing_stays_int8():
    costs = (LayerCost("a", 0.1, 0.5), *(LayerCost(name, 0.0, 0.0) for name in "bcdef"))
    assert list(sets_to_try(costs)) == [("a",)]
