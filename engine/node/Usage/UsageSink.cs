using System.Globalization;
using System.Text;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Usage;

/// <summary>Finds the labels of each span of a request.</summary>
internal struct UsageSink : IOtlpTraceSink
{
    private enum Owner
    {
        Nobody,
        Resource,
        Span,
    }

    private readonly TenantUsage _usage;
    private readonly string?[] _ofResource;
    private readonly string?[] _ofSpan;
    private Owner _owner;
    private int _firstOfResource;
    private int _firstOfScope;
    private long _resourceBytes;
    private long _scopeBytes;

    public UsageSink(TenantUsage usage)
    {
        _usage = usage;
        (_ofResource, _ofSpan) = (new string?[usage.Labels.Length], new string?[usage.Labels.Length]);
    }

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        Finish();
        Array.Clear(_ofResource);
        (_firstOfResource, _resourceBytes) = (_usage.SpanCount, message.Length);
        _owner = Owner.Resource;
        return true;
    }

    public void EndResource(uint droppedAttributesCount) => _owner = Owner.Nobody;

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        _usage.Share(_firstOfScope, _scopeBytes);
        (_firstOfScope, _scopeBytes) = (_usage.SpanCount, message.Length);
        return false;
    }

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public void BeginSpan()
    {
        Array.Clear(_ofSpan);
        _owner = Owner.Span;
    }

    public void EndSpan(in SpanFields fields)
    {
        _owner = Owner.Nobody;
        for (var i = 0; i < _ofSpan.Length; i++) _ofSpan[i] ??= _ofResource[i];
        _usage.AddSpan(_ofSpan, fields.MessageLength);
    }

    public void BeginEvent() => _owner = Owner.Nobody;

    public void EndEvent(in EventFields fields) => _owner = Owner.Span;

    public void BeginLink() => _owner = Owner.Nobody;

    public void EndLink(in LinkFields fields) => _owner = Owner.Span;

    public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_owner == Owner.Nobody) return;
        foreach (var dimension in _usage.Dimensions)
        {
            if (!(_owner == Owner.Resource ? dimension.OfResource : dimension.OfSpan) || !key.SequenceEqual(dimension.Key)) continue;
            var values = _owner == Owner.Resource ? _ofResource : _ofSpan;
            values[dimension.Label] ??= TextOf(value);
        }
    }

    /// <summary>Shares what stands around the last spans. At the end of the request.</summary>
    public void Finish()
    {
        _usage.Share(_firstOfScope, _scopeBytes);
        _usage.Share(_firstOfResource, _resourceBytes);
        (_firstOfScope, _scopeBytes, _resourceBytes) = (_usage.SpanCount, 0, 0);
    }

    private static string? TextOf(in AnyValueView value) => value.Kind switch
    {
        AnyValueKind.String => Encoding.UTF8.GetString(value.Bytes),
        AnyValueKind.Bool => value.Bits != 0 ? "true" : "false",
        AnyValueKind.Int => value.Bits.ToString(CultureInfo.InvariantCulture),
        AnyValueKind.Double => BitConverter.Int64BitsToDouble(value.Bits).ToString("R", CultureInfo.InvariantCulture),
        _ => null, // of other values no label can be made
    };
}
