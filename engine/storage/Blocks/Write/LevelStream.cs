using System.Buffers;
using System.Diagnostics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Repetition and definition levels of one place in the tree for the rows of a page (Dremel's encoding), and their encoded
/// bytes, which every required leaf of that place shares. An entry whose definition level is the maximum is a thing that is
/// there; the others only say where above them the tree ends.
/// <code>
/// child count of a thing   entries of the child
/// 0                        (its repetition, its definition)
/// n > 0                    (its repetition, definition + 1), then n - 1 times (child's maximum repetition, definition + 1)
/// </code>
/// </summary>
internal sealed class LevelStream(int maxRepetition, int maxDefinition, LevelMemory memory)
{
    private bool _isRepetitionEncoded;
    private bool _isDefinitionEncoded;

    // Whose repetition and definition levels these are, if not its own.
    private LevelStream? _repetitionOwner;
    private LevelStream? _definitionOwner;

    // Entries that are not there; -1 if they were not looked for.
    private int[] _absent = [];
    private int _absentCount = -1;

    public LevelStream(int maxRepetition, int maxDefinition)
        : this(maxRepetition, maxDefinition, new LevelMemory())
    {
    }

    public int Count { get; private set; }

    /// <summary>Entries that are there.</summary>
    public int PresentCount { get; private set; }

    public ReadOnlySpan<byte> Repetition => _repetitionOwner is { } owner ? owner.Repetition : memory.Repetition.AsSpan(0, Count);

    public ReadOnlySpan<byte> Definition => _definitionOwner is { } owner ? owner.Definition : memory.Definition.AsSpan(0, Count);

    /// <summary>One entry a row, all there: the top of the tree.</summary>
    public void SetRows(int rowCount)
    {
        Reset(rowCount);
        memory.Repetition.AsSpan(0, rowCount).Clear();
        memory.Definition.AsSpan(0, rowCount).Clear();
        Count = PresentCount = rowCount;
    }

    /// <summary>Derives the levels from the parent's, given the number of children of each parent that is there.</summary>
    public void Expand(LevelStream parent, ReadOnlySpan<int> childCounts)
    {
        Debug.Assert(childCounts.Length == parent.PresentCount);
        var total = 0L;
        foreach (var count in childCounts) total += Math.Max(1, count);
        var length = checked((int)(total + parent.Count - parent.PresentCount));
        Reset(length);

        var parentRepetition = parent.Repetition;
        var parentDefinition = parent.Definition;
        var presentLevel = parent.MaxDefinition;
        // Most entries are further children: all are made such, and then those that are not.
        var repetition = memory.Repetition.AsSpan(0, length);
        var definition = memory.Definition.AsSpan(0, length);
        repetition.Fill((byte)MaxRepetition);
        definition.Fill((byte)(presentLevel + 1));
        int next = 0, child = 0, present = 0;
        for (var i = 0; i < parentRepetition.Length; i++)
        {
            repetition[next] = parentRepetition[i];
            if (parentDefinition[i] < presentLevel)
            {
                definition[next++] = parentDefinition[i];
                continue;
            }

            var count = childCounts[child++];
            present += count;
            if (count == 0) definition[next++] = (byte)presentLevel;
            else next += count;
        }

        Count = next;
        PresentCount = present;
    }

    /// <summary>
    /// The same, given the parent of each child, in ascending order: a number among the parents that are there. Where no parent has two
    /// children the entries are the parent's, and only definitions differ.
    /// </summary>
    public void ExpandOf(LevelStream parent, ReadOnlySpan<int> parentOfChild)
    {
        Debug.Assert(parentOfChild.IsEmpty || parentOfChild[^1] < parent.PresentCount);
        Reset(parent.Count);
        _repetitionOwner = parent;
        Count = parent.Count;
        PresentCount = parentOfChild.Length;
        if (parentOfChild.IsEmpty)
        {
            _definitionOwner = parent;
            return;
        }

        parent.Definition.CopyTo(memory.Definition);
        var furtherCount = AscendingNumbers.CountRepeats(parentOfChild);
        GrowableArray.Reserve(ref memory.Further, furtherCount);
        var further = memory.Further.AsSpan(0, furtherCount);
        MarkPresent(parent, parentOfChild, further);
        if (furtherCount == 0) return;
        _repetitionOwner = null;
        parent.Repetition.CopyTo(memory.Repetition);
        Insert(ref memory.Repetition, Count, further, (byte)MaxRepetition);
        Insert(ref memory.Definition, Count, further, (byte)MaxDefinition);
        Count += furtherCount;
    }

    // Parents that have a child get its level; further: before which entry of the parent's each child belongs that is not the first.
    private void MarkPresent(LevelStream parent, ReadOnlySpan<int> parentOfChild, Span<int> further)
    {
        var definition = memory.Definition.AsSpan(0, Count);
        var level = (byte)MaxDefinition;
        var absent = parent.Absent();
        int skipped = 0, last = -1, entry = 0, count = 0;
        foreach (var thing in parentOfChild)
        {
            if (thing == last)
            {
                further[count++] = entry + 1;
                continue;
            }

            last = thing;
            entry = thing + skipped;
            for (; skipped < absent.Length && absent[skipped] <= entry; skipped++) entry++;
            definition[entry] = level;
        }
    }

    // From behind, so that each entry moves once.
    private static void Insert(ref byte[] levels, int count, ReadOnlySpan<int> places, byte level)
    {
        GrowableArray.Reserve(ref levels, count + places.Length);
        var end = count;
        for (var i = places.Length - 1; i >= 0; i--)
        {
            levels.AsSpan(places[i], end - places[i]).CopyTo(levels.AsSpan(places[i] + i + 1));
            levels[places[i] + i] = level;
            end = places[i];
        }
    }

    public int MaxRepetition { get; } = maxRepetition;

    public int MaxDefinition { get; } = maxDefinition;

    /// <summary>The levels as a page wants them; encoded on first use.</summary>
    public PageLevels ToPage(int rowCount) => new()
    {
        RowCount = rowCount,
        LevelCount = Count,
        NullCount = Count - PresentCount,
        Repetition = EncodedRepetition(),
        Definition = EncodedDefinition(),
    };

    // Levels are encoded in as many bits as their maximum takes: where the owner's takes as many, its bytes are ours.
    private ReadOnlySpan<byte> EncodedRepetition()
    {
        if (_repetitionOwner is { } owner && IsSameWidth(owner.MaxRepetition, MaxRepetition)) return owner.EncodedRepetition();
        if (!_isRepetitionEncoded)
        {
            memory.EncodedRepetition.ResetWrittenCount();
            if (MaxRepetition > 0) LevelEncoder.Encode(Repetition, MaxRepetition, memory.EncodedRepetition);
            _isRepetitionEncoded = true;
        }

        return memory.EncodedRepetition.WrittenSpan;
    }

    private ReadOnlySpan<byte> EncodedDefinition()
    {
        if (_definitionOwner is { } owner && IsSameWidth(owner.MaxDefinition, MaxDefinition)) return owner.EncodedDefinition();
        if (!_isDefinitionEncoded)
        {
            memory.EncodedDefinition.ResetWrittenCount();
            if (MaxDefinition > 0) LevelEncoder.Encode(Definition, MaxDefinition, memory.EncodedDefinition);
            _isDefinitionEncoded = true;
        }

        return memory.EncodedDefinition.WrittenSpan;
    }

    private static bool IsSameWidth(int maxLevel, int otherMaxLevel) => maxLevel > 0 && BitWidth.Of(maxLevel) == BitWidth.Of(otherMaxLevel);

    // Ascending.
    private ReadOnlySpan<int> Absent()
    {
        if (_absentCount < 0)
        {
            _absentCount = 0;
            GrowableArray.Reserve(ref _absent, Count - PresentCount);
            var definition = Definition;
            for (var i = 0; _absentCount < Count - PresentCount; i++)
                if (definition[i] < MaxDefinition)
                    _absent[_absentCount++] = i;
        }

        return _absent.AsSpan(0, _absentCount);
    }

    private void Reset(int capacity)
    {
        _isRepetitionEncoded = _isDefinitionEncoded = false;
        _repetitionOwner = _definitionOwner = null;
        _absentCount = -1;
        GrowableArray.Reserve(ref memory.Repetition, capacity);
        GrowableArray.Reserve(ref memory.Definition, capacity);
    }
}

/// <summary>Where levels are made. Streams that are written one after the other share one.</summary>
internal sealed class LevelMemory
{
    public byte[] Repetition = [];
    public byte[] Definition = [];

    /// <summary>Where children belong that are not their parent's first.</summary>
    public int[] Further = [];

    public ArrayBufferWriter<byte> EncodedRepetition { get; } = new();

    public ArrayBufferWriter<byte> EncodedDefinition { get; } = new();
}
