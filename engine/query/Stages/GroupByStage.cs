using System.Buffers;
using System.Buffers.Binary;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Stages;

/// <summary><c>| by(key)</c>: parts each spanset by the value of the key, in order of first appearance. Nil is a value too.</summary>
internal sealed class GroupByStage(GroupBy groupBy, Patience patience) : Stage
{
    private readonly FieldExpressionReader _key = new(groupBy.Key);
    private readonly string _name = groupBy.ToString();

    // As Tempo: arithmetic on a field that is missing makes a group "false", and only a bare field a group "nil".
    private readonly FieldValue _missing = groupBy.Key is AttributeRef ? FieldValue.Nil : FieldValue.Bool(false);

    // Equal keys, equal code; the codes of one spanset count from 1, 0 being the empty text that no key is.
    private readonly InternTable _codes = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public override void Apply(OrderedTrace trace, List<Spanset> input, List<Spanset> output)
    {
        var attributes = 0;
        foreach (var set in input)
        {
            _codes.Clear();
            var first = output.Count;
            foreach (var span in set.Spans)
            {
                patience.Look();
                var key = _key.Read(SpanCursor.At(trace, span));
                if (key.Type == FieldType.Nil) key = _missing;
                var group = first + Code(key) - 1;
                if (group == output.Count)
                    output.Add(new Spanset([], set.AttributesWith(new AttributeResult(_name, ShownValue.Of(key)), ref attributes)));
                output[group].Spans.Add(span);
            }
        }
    }

    private int Code(in FieldValue key)
    {
        _bytes.ResetWrittenCount();
        Append(key);
        return _codes.Intern(_bytes.WrittenSpan);
    }

    private void Append(in FieldValue value)
    {
        const int HeaderBytes = 1 + sizeof(long);
        var header = _bytes.GetSpan(HeaderBytes);
        header[0] = (byte)value.Type;
        var number = value.Type switch { FieldType.String => value.Utf8.Length, FieldType.Array => value.ElementCount, _ => value.Bits };
        BinaryPrimitives.WriteInt64LittleEndian(header[1..], number);
        _bytes.Advance(HeaderBytes);
        if (value.Type == FieldType.String) _bytes.Write(value.Utf8);
        if (value.Type != FieldType.Array) return;
        for (var i = 0; i < value.ElementCount; i++) Append(value.Element(i));
    }
}
