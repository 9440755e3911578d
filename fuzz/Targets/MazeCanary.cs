namespace Tempo.Fuzz.Targets;

/// <summary>
/// A reader with eight doors one behind the other, each with its own key: chance finds one at a time, if it is told that it did.
/// </summary>
internal sealed class MazeCanary : IFuzzTarget
{
    public string Name => "canary-maze";

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length < 8) return;
        if (input[0] != 'c') return;
        if (input[1] != 'o') return;
        if (input[2] != 'v') return;
        if (input[3] != 'e') return;
        if (input[4] != 'r') return;
        if (input[5] != 'a') return;
        if (input[6] != 'g') return;
        if (input[7] != 'e') return;
        throw new InvalidDataException("the planted bug behind the last door");
    }
}
