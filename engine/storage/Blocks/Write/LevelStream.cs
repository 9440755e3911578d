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
internal sealed class LevelStream(int maxRepetition, int maxDefinition)
{
    private readonly ArrayBufferWriter<byte> _encodedRepetition = new();
    private readonly ArrayBufferWriter<byte> _encodedDefinition = new();
    private byte[] _repetition = [];
    private byte[] _definition = [];
    private bool _isEncoded;

    public int Count { get; private set; }

    /// <summary>Entries that are there.</summary>
    public int PresentCount { get; private set; }

    public ReadOnlySpan<byte> Repetition => _repetition.AsSpan(0, Count);

    public ReadOnlySpan<byte> Definition => _definition.AsSpan(0, Count);

    /// <summary>One entry a row, all there: the top of the tree.</summary>
    public void SetRows(int rowCount)
    {
        Reset(rowCount);
        _repetition.AsSpan(0, rowCount).Clear();
        _definition.AsSpan(0, rowCount).Clear();
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
        var repetition = _repetition;
        var definition = _definition;
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

    public int MaxRepetition { get; } = maxRepetition;

    public int MaxDefinition { get; } = maxDefinition;

    /// <summary>The levels as a page wants them; encoded on first use.</summary>
    public PageLevels ToPage(int rowCount)
    {
        if (!_isEncoded)
        {
            _encodedRepetition.ResetWrittenCount();
            _encodedDefinition.ResetWrittenCount();
            if (MaxRepetition > 0) LevelEncoder.Encode(Repetition, MaxRepetition, _encodedRepetition);
            if (MaxDefinition > 0) LevelEncoder.Encode(Definition, MaxDefinition, _encodedDefinition);
            _isEncoded = true;
        }

        return new PageLevels
        {
            RowCount = rowCount,
            LevelCount = Count,
            NullCount = Count - PresentCount,
            Repetition = _encodedRepetition.WrittenSpan,
            Definition = _encodedDefinition.WrittenSpan,
        };
    }

    private void Reset(int capacity)
    {
        _isEncoded = false;
        GrowableArray.Reserve(ref _repetition, capacity);
        GrowableArray.Reserve(ref _definition, capacity);
    }
}
