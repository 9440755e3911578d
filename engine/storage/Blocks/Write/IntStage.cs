using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>A column of integers below a list of things, each with its index in the column's dictionary.</summary>
internal sealed class IntStage(LevelStream things, bool isRepeated, LevelMemory memory)
{
    private readonly ValueStage<long> _values = new(things, isRepeated, memory);
    private int[] _indexes = [];

    public NumberDictionary Dictionary { get; } = new();

    /// <summary>How the row group's pages of it are written.</summary>
    public NumberEncoding Encodings { get; } = new();

    public int Count => _values.Count;

    public ReadOnlySpan<int> Things => _values.Things;

    public ReadOnlySpan<long> Values => _values.Values;

    /// <summary>Of each value; -1 where the dictionary was closed before it came.</summary>
    public ReadOnlySpan<int> Indexes => _indexes.AsSpan(0, Values.Length);

    /// <inheritdoc cref="ValueStage{T}.Levels"/>
    public LevelStream Levels => _values.Levels;

    /// <summary>Forgets the rows of the last page.</summary>
    public void Clear() => _values.Clear();

    /// <summary>Starts the next row group.</summary>
    public void ClearDictionary()
    {
        Dictionary.Clear();
        Encodings.Clear();
    }

    /// <inheritdoc cref="ValueStage{T}.AddAgain"/>
    public void AddAgain(int from, int to, int shift)
    {
        var n = _values.Count;
        _values.AddAgain(from, to, shift);
        GrowableArray.Reserve(ref _indexes, _values.Count);
        _indexes.AsSpan(from, to - from).CopyTo(_indexes.AsSpan(n));
    }

    public void Add(int thing, long value)
    {
        var n = _values.Count;
        _values.Add(thing, value);
        GrowableArray.Reserve(ref _indexes, n + 1);
        _indexes[n] = Dictionary.IndexIfOpen(value);
    }
}
