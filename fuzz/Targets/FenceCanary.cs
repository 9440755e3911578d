using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.Fuzz.Targets;

/// <summary>Reads one byte behind an input of a certain length, unseen by any bounds check: only the fence can catch it.</summary>
internal sealed class FenceCanary : IFuzzTarget
{
    private byte _sink;

    public string Name => "canary-fence";

    public string Corpus => "otlp-protobuf";

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length % 8 == 7) _sink ^= Unsafe.Add(ref MemoryMarshal.GetReference(input), input.Length);
    }
}
