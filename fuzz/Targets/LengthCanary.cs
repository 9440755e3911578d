namespace Tempo.Fuzz.Targets;

/// <summary>A reader of length-prefixed messages that believes the length of the inner one. The planted bug of every such reader.</summary>
internal sealed class LengthCanary : IFuzzTarget
{
    public string Name => "canary-length";

    public string Corpus => "otlp-protobuf";

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length < 4 || input[0] != 0x0A || input[1] > input.Length - 2 || input[2] != 0x0A) return;
        var inner = new byte[input[3]];
        input.Slice(4, inner.Length).CopyTo(inner);
    }
}
