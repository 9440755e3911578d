namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Brings items with equal keys together, groups in the order of their first item and items in the order they had. Keys are
/// small numbers that index arrays, so it is linear in the items however many groups there are. Reused without clearing.
/// </summary>
internal sealed class StableGrouping
{
    // A key's entry counts only if the group it names has that key: what an earlier call left there does not.
    private int[] _groupOfKey = [];
    private int[] _keyOfGroup = [];
    private int[] _groupOfItem = [];
    private int[] _ends = [];
    private int _groupCount;

    /// <summary>Where each group of the last call ends in the target.</summary>
    public ReadOnlySpan<int> Ends => _ends.AsSpan(0, _groupCount);

    /// <summary>Writes <paramref name="items"/> to <paramref name="target"/>, grouped by their <paramref name="keys"/>.</summary>
    public void Group(ReadOnlySpan<int> items, ReadOnlySpan<int> keys, Span<int> target)
    {
        _groupCount = 0;
        GrowableArray.Reserve(ref _groupOfItem, items.Length);
        for (var i = 0; i < items.Length; i++)
        {
            var group = GroupOf(keys[i]);
            _groupOfItem[i] = group;
            _ends[group]++;
        }

        // Sizes become starts, and starts move to ends while the items are placed.
        var next = 0;
        for (var group = 0; group < _groupCount; group++) (next, _ends[group]) = (next + _ends[group], next);
        for (var i = 0; i < items.Length; i++) target[_ends[_groupOfItem[i]]++] = items[i];
    }

    private int GroupOf(int key)
    {
        GrowableArray.Reserve(ref _groupOfKey, key + 1);
        var group = _groupOfKey[key];
        if ((uint)group < (uint)_groupCount && _keyOfGroup[group] == key) return group;
        group = _groupCount++;
        GrowableArray.Reserve(ref _keyOfGroup, _groupCount);
        GrowableArray.Reserve(ref _ends, _groupCount);
        _keyOfGroup[group] = key;
        _groupOfKey[key] = group;
        _ends[group] = 0;
        return group;
    }
}
