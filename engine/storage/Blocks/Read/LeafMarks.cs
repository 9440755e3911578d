using System.Numerics;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Which attributes have a value in one leaf, so that the value of any one is found by counting bits:
/// <code>
/// entries of the page    begins: the first entry of an attribute      present: has a value
/// attributes             present at the begins, squeezed together; and per word of them, how many values come before
/// lists                  few: which attributes, and how many values more than one each, as a running sum
/// value of attribute i   values before its word + present bits before it in the word + what lists before it have more
/// </code>
/// </summary>
internal sealed class LeafMarks
{
    private ulong[] _present = [];
    private int[] _before = [];

    // Attributes with several values, ascending, and the values more than one each that they and all before them have.
    private readonly List<int> _lists = [];
    private readonly List<int> _moreValues = [];

    /// <summary>Memory it has.</summary>
    public long AllocatedBytes => 8L * _present.Length + 4L * _before.Length;

    /// <summary>Words of <see cref="Present"/>.</summary>
    public int WordCount { get; private set; }

    /// <summary>Bit i % 64 of word i / 64: attribute i has a value here.</summary>
    public ReadOnlySpan<ulong> Present => _present.AsSpan(0, WordCount);

    /// <summary>
    /// Takes the marks of the entries: <paramref name="begins"/>, of attributes, which lose those that repeat; <paramref name="values"/>;
    /// and <paramref name="repeats"/>, further values of the same attribute (empty: there are none). The result is how many attributes
    /// there are.
    /// </summary>
    public int Fill(int entries, int valueCount, Span<ulong> begins, ReadOnlySpan<ulong> values, ReadOnlySpan<ulong> repeats)
    {
        _lists.Clear();
        _moreValues.Clear();
        if (!repeats.IsEmpty) TakeLists(begins, repeats);
        return Squeeze(entries, valueCount, begins, values);
    }

    /// <summary>The attribute of a list, which are in the order of those; -1 behind the last one.</summary>
    public int OwnerOfList(int list) => list < _lists.Count ? _lists[list] : -1;

    /// <summary>Values of a list.</summary>
    public int LengthOfList(int list) => _moreValues[list] - (list > 0 ? _moreValues[list - 1] : 0) + 1;

    private void TakeLists(Span<ulong> begins, ReadOnlySpan<ulong> repeats)
    {
        var attributes = 0;
        for (var word = 0; word < repeats.Length; word++)
        {
            var first = begins[word] & ~repeats[word];
            for (var left = repeats[word]; left != 0; left &= left - 1)
                AddRepeat(attributes + BitOperations.PopCount(first & (left & (0 - left)) - 1) - 1);
            begins[word] = first;
            attributes += BitOperations.PopCount(first);
        }
    }

    private void AddRepeat(int attribute)
    {
        if (_lists.Count > 0 && _lists[^1] == attribute)
        {
            _moreValues[^1]++;
            return;
        }

        _moreValues.Add(_moreValues.Count == 0 ? 1 : _moreValues[^1] + 1);
        _lists.Add(attribute);
    }

    // Takes the bits of entries that begin an attribute together.
    private int Squeeze(int entries, int valueCount, ReadOnlySpan<ulong> begins, ReadOnlySpan<ulong> values)
    {
        var words = (entries + 63) / 64;
        var present = ColumnMemory.TakeZeroed(ref _present, words + 1);
        var attributes = 0;
        var kernel = LevelKernel.Current;
        for (var word = 0; word < words; word++)
        {
            var first = begins[word];
            var bits = first == ulong.MaxValue ? values[word] : LevelBits.Extract(kernel, values[word], first);
            var (to, shift) = (attributes >> 6, attributes & 63);
            present[to] |= bits << shift;
            if (shift > 0) present[to + 1] |= bits >> (64 - shift);
            attributes += BitOperations.PopCount(first);
        }

        WordCount = (attributes + 63) / 64;
        var before = ColumnMemory.Take(ref _before, WordCount);
        var count = 0;
        for (var word = 0; word < before.Length; word++)
        {
            before[word] = count;
            count += BitOperations.PopCount(present[word]);
        }

        var lists = _moreValues.Count == 0 ? 0 : _moreValues[^1];
        if (count + lists != valueCount) throw new ParquetFormatException($"{valueCount} values where the levels have {count + lists}");
        return attributes;
    }

    /// <summary>
    /// First value and number of values of an attribute that has some. <paramref name="list"/> is 0 at first, and kept by the caller
    /// for the next, later attribute.
    /// </summary>
    public (int First, int Count) ValuesOf(int attribute, ref int list)
    {
        var word = attribute >> 6;
        var value = _before[word] + BitOperations.PopCount(_present[word] & (1UL << attribute) - 1);
        if (_lists.Count == 0) return (value, 1);
        while (list < _lists.Count && _lists[list] < attribute) list++;
        var before = list > 0 ? _moreValues[list - 1] : 0;
        return list < _lists.Count && _lists[list] == attribute ? (value + before, _moreValues[list] - before + 1) : (value + before, 1);
    }
}
