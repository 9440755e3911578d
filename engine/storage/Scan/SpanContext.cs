using System.Buffers;
using System.Buffers.Binary;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// The batches that spans are taken from, and one numbering of their resources and of their scopes over all of them: equal
/// content in the same form, equal number. (An attribute that has a column of its own in one block and not in another has
/// two forms; such resources stay apart, which is no error.) Numbers are small. Not thread safe.
/// </summary>
public sealed class SpanContext
{
    private static readonly SpanBatch Released = new();
    private SpanBatch[] _batches = [];
    private int[][] _resources = [];
    private int[][] _scopes = [];
    private int _count;
    private InternTable _keys = new();
    private readonly ArrayBufferWriter<byte> _key = new(4096);

    /// <summary>By their numbers.</summary>
    public ArraySegment<SpanBatch> Batches => new(_batches, 0, _count);

    /// <summary>The batch of a number that <see cref="Add"/> gave.</summary>
    public SpanBatch this[int batch] => _batches[batch];

    /// <summary>Adds a batch; its number is the result.</summary>
    public int Add(SpanBatch batch)
    {
        if (_count == _batches.Length)
        {
            var length = Math.Max(8, _count * 2);
            Array.Resize(ref _batches, length);
            Array.Resize(ref _resources, length);
            Array.Resize(ref _scopes, length);
        }

        (_batches[_count], _resources[_count], _scopes[_count]) = (batch, [], []);
        return _count++;
    }

    /// <summary>Lets go of a batch that no span is taken from any more. Its number stays taken.</summary>
    public void Release(int number)
    {
        _batches[number] = Released;
        _resources[number] = [];
        _scopes[number] = [];
    }

    /// <summary>Lets go of all batches, and of what was numbered.</summary>
    public void Clear()
    {
        for (var number = 0; number < _count; number++) Release(number);
        _count = 0;
        _keys = new InternTable();
    }

    /// <summary>Number of the span's resource.</summary>
    public int ResourceOf(SpanRef span)
    {
        var batch = _batches[span.Batch];
        var resource = batch.Resource[span.Span];
        var known = _resources[span.Batch];
        if (resource >= known.Length) _resources[span.Batch] = known = Extended(known, resource, batch.Resources.Count);
        return known[resource] != 0 ? known[resource] : known[resource] = NumberResource(batch, resource);
    }

    /// <summary>Number of the span's scope.</summary>
    public int ScopeOf(SpanRef span)
    {
        var batch = _batches[span.Batch];
        var scope = batch.Scope[span.Span];
        var known = _scopes[span.Batch];
        if (scope >= known.Length) _scopes[span.Batch] = known = Extended(known, scope, batch.Scopes.Count);
        return known[scope] != 0 ? known[scope] : known[scope] = NumberScope(batch, scope);
    }

    private static int[] Extended(int[] known, int index, int count)
    {
        Array.Resize(ref known, Math.Max(index + 1, count));
        return known;
    }

    private int NumberResource(SpanBatch batch, int resource)
    {
        var r = batch.Resources;
        _key.ResetWrittenCount();
        Append('r');
        Append(r.HasServiceName[resource]);
        Append(r.ServiceName[resource]);
        Append(r.DroppedAttributes[resource]);
        AppendAttributes(r.Attributes, r.AttributeStart[resource], r.AttributeStart[resource + 1]);
        foreach (var column in batch.Dedicated)
            if (column.Scope == AttributeScope.Resource)
                AppendDedicated(column, resource);
        return _keys.Intern(_key.WrittenSpan);
    }

    private int NumberScope(SpanBatch batch, int scope)
    {
        var s = batch.Scopes;
        _key.ResetWrittenCount();
        Append('s');
        Append(s.Name[scope]);
        Append(s.Version[scope]);
        Append(s.DroppedAttributes[scope]);
        AppendAttributes(s.Attributes, s.AttributeStart[scope], s.AttributeStart[scope + 1]);
        return _keys.Intern(_key.WrittenSpan);
    }

    private void AppendAttributes(AttributeColumns attributes, int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            Append(attributes.Key(i));
            Append((uint)attributes.Types[i]);
            switch (attributes.Types[i])
            {
                case AttributeType.String or AttributeType.AnyValue or AttributeType.AnyValueJson:
                    Append(attributes.String(i));
                    break;
                case AttributeType.StringArray:
                    Append((uint)attributes.ArrayItems(i).Length);
                    foreach (var item in attributes.ArrayItems(i)) Append(attributes.Values[(int)item]);
                    break;
                case AttributeType.IntArray or AttributeType.DoubleArray or AttributeType.BoolArray:
                    Append((uint)attributes.ArrayItems(i).Length);
                    foreach (var item in attributes.ArrayItems(i)) Append(item);
                    break;
                case AttributeType.Int or AttributeType.Double or AttributeType.Bool:
                    Append(attributes.Bits[i]);
                    break;
            }
        }
    }

    private void AppendDedicated(DedicatedColumn column, int owner)
    {
        Append(column.Key);
        Append((uint)(column.Start[owner + 1] - column.Start[owner]));
        for (var i = column.Start[owner]; i < column.Start[owner + 1]; i++)
            if (column.Type == AttributeType.String) Append(column.Values[(int)column.Bits[i]]);
            else Append(column.Bits[i]);
    }

    private void Append(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_key.GetSpan(4), value);
        _key.Advance(4);
    }

    private void Append(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_key.GetSpan(8), value);
        _key.Advance(8);
    }

    private void Append(ReadOnlySpan<byte> value)
    {
        Append((uint)value.Length);
        _key.Write(value);
    }
}
