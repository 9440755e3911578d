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

    /// <summary>Of each value, once <see cref="Complete"/> has looked them up; -1 where the dictionary was closed before it came.</summary>
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
    public void AddAgain(int from, int to, int shift) => _values.AddAgain(from, to, shift);

    /// <inheritdoc cref="ValueStage{T}.Reserve"/>
    public void Reserve(int count) => _values.Reserve(count);

    /// <inheritdoc cref="ValueStage{T}.Room"/>
    public Span<long> Room => _values.Room;

    /// <inheritdoc cref="ValueStage{T}.RoomOfThings"/>
    public Span<int> RoomOfThings => _values.RoomOfThings;

    /// <inheritdoc cref="ValueStage{T}.Advance"/>
    public void Advance(int count) => _values.Advance(count);

    public void Add(int thing, long value) => _values.Add(thing, value);

    /// <summary>All values of the page were added.</summary>
    public void Complete()
    {
        GrowableArray.Reserve(ref _indexes, _values.Count);
        Dictionary.IndexIfOpen(_values.Values, _indexes);
    }
}
