using System.Text;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

// Attributes that have columns of their own.
public sealed partial class RowGroupReader
{
    private void ReadDedicated(SpanBatch batch, AttributeScope scope, string prefix, int ownerCount)
    {
        foreach (var leaf in _version.AttributeLeaves(_dedicated, scope))
        {
            if (leaf.Key is null) continue;
            var path = prefix + leaf.Field;
            ReadDedicated(NextDedicated(batch, scope, Encoding.UTF8.GetBytes(leaf.Key), leaf.Type), path, ownerCount);
        }
    }

    private void ReadDedicated(DedicatedColumn column, string path, int ownerCount)
    {
        if (_columns.IsWithoutValues(path))
        {
            column.Empty(ownerCount);
            return;
        }

        var isText = column.Type == AttributeType.String;
        if (isText) column.Values = _columns.LoadTexts(path, ref column.OwnValues);
        else _columns.Load(path);
        var data = _columns.Data;
        column.IsWrittenTo();
        _columns.Starts(path, ownerCount, ref column.Start);
        var bits = ColumnMemory.Take(ref column.Bits, data.ValueCount);
        for (var i = 0; i < bits.Length; i++) bits[i] = isText ? data.Codes[i] : data.Int64s[i];
    }

    // The column of an earlier fill, if the batch was filled from a block with the same ones.
    private DedicatedColumn NextDedicated(SpanBatch batch, AttributeScope scope, byte[] key, AttributeType type)
    {
        var next = _dedicatedRead++;
        if (next < batch.Dedicated.Count)
        {
            var known = batch.Dedicated[next];
            if (known.Scope == scope && known.Type == type && known.Key.AsSpan().SequenceEqual(key)) return known;
            batch.Dedicated.RemoveRange(next, batch.Dedicated.Count - next);
        }

        var added = new DedicatedColumn { Scope = scope, Key = key, Type = type };
        batch.Dedicated.Add(added);
        return added;
    }
}
