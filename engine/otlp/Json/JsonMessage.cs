namespace Tempo.Engine.Otlp.Json;

/// <summary>The fields of one message type, in the order in which its .proto declares them and answers list them.</summary>
internal sealed class JsonMessage
{
    /// <summary>Stands in for the inner message of fields that have none.</summary>
    public static readonly JsonMessage None = new();

    private JsonField[] _fields = [];
    private sbyte[] _indexByNumber = [];

    public ReadOnlySpan<JsonField> Fields => _fields;

    /// <summary>At most one field is set, and the one that is set is written even if it is zero.</summary>
    public bool IsOneof { get; init; }

    /// <summary>Called once for each message while the schema is built; separate, since AnyValue contains itself.</summary>
    public void Declare(params JsonField[] fields)
    {
        _fields = fields;
        _indexByNumber = new sbyte[fields.Max(field => field.Number) + 1];
        Array.Fill(_indexByNumber, (sbyte)-1);
        for (var index = 0; index < fields.Length; index++) _indexByNumber[fields[index].Number] = (sbyte)index;
    }

    /// <summary>Index of the field with this tag; -1 if there is none.</summary>
    public int IndexOf(uint tag)
    {
        var number = tag >> Wire.WireType.NumberShift;
        if (number >= (uint)_indexByNumber.Length) return -1;
        var index = _indexByNumber[number];
        return index >= 0 && _fields[index].Tag == tag ? index : -1;
    }
}
