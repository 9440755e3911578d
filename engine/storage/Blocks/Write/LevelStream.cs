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
        Reset(checked((int)(total + parent.Count - parent.PresentCount)));

        var parentRepetition = parent.Repetition;
        var parentDefinition = parent.Definition;
        var presentLevel = parent.MaxDefinition;
        var repetition = memory.Repetition;
        var definition = memory.Definition;
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
            if (count == 0)
            {
                definition[next++] = (byte)presentLevel;
                continue;
            }

            present += count;
            definition[next++] = (byte)(presentLevel + 1);
            for (var n = 1; n < count; n++)
            {
                repetition[next] = (byte)MaxRepetition;
                definition[next++] = (byte)(presentLevel + 1);
            }
        }

        Count = next;
        PresentCount = present;
    }

    /// <summary>The same, given the parent of each child, in ascending order: a number among the parents that are there.</summary>
    /// <param name="isSingle">No parent has two children: then the entries are the parent's, and only definitions differ.</param>
    public void ExpandOf(LevelStream parent, ReadOnlySpan<int> parentOfChild, bool isSingle)
    {
        if (isSingle) ExpandOfSingle(parent, parentOfChild);
        else ExpandOf(parent, parentOfChild);
    }

    private void ExpandOfSingle(LevelStream parent, ReadOnlySpan<int> parentOfChild)
    {
        Reset(parent.Count);
        _repetitionOwner = parent;
        Count = parent.Count;
        PresentCount = parentOfChild.Length;
        if (parentOfChild.IsEmpty)
        {
            _definitionOwner = parent;
            return;
        }

        var definition = memory.Definition.AsSpan(0, Count);
        parent.Definition.CopyTo(definition);
        var presentLevel = (byte)(parent.MaxDefinition + 1);
        var absent = parent.Absent();
        var skipped = 0;
        foreach (var thing in parentOfChild)
        {
            var entry = thing + skipped;
            for (; skipped < absent.Length && absent[skipped] <= entry; skipped++) entry++;
            definition[entry] = presentLevel;
        }
    }

    private void ExpandOf(LevelStream parent, ReadOnlySpan<int> parentOfChild)
    {
        Debug.Assert(parentOfChild.IsEmpty || parentOfChild[^1] < parent.PresentCount);
        Reset(checked(parent.Count + parentOfChild.Length));
        var parentRepetition = parent.Repetition;
        var parentDefinition = parent.Definition;
        var presentLevel = parent.MaxDefinition;
        var repetition = memory.Repetition;
        var definition = memory.Definition;
        int next = 0, child = 0, thing = 0;
        for (var i = 0; i < parentRepetition.Length; i++)
        {
            repetition[next] = parentRepetition[i];
            if (parentDefinition[i] < presentLevel)
            {
                definition[next++] = parentDefinition[i];
                continue;
            }

            if (child == parentOfChild.Length || parentOfChild[child] != thing)
            {
                definition[next++] = (byte)presentLevel;
            }
            else
            {
                definition[next++] = (byte)(presentLevel + 1);
                while (++child < parentOfChild.Length && parentOfChild[child] == thing)
                {
                    repetition[next] = (byte)MaxRepetition;
                    definition[next++] = (byte)(presentLevel + 1);
                }
            }

            thing++;
        }

        Count = next;
        PresentCount = child;
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

    public ArrayBufferWriter<byte> EncodedRepetition { get; } = new();

    public ArrayBufferWriter<byte> EncodedDefinition { get; } = new();
}
