using System.Runtime.CompilerServices;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Instructions;

/// <summary>
/// <c>gate</c>: fails if a fixed piece of work has come to take more instructions. They are those of this program, counted by valgrind's
/// callgrind, so they are the same on a busy machine; and valgrind's processor is the same on each machine that has AVX2, without AVX-512.
/// </summary>
internal static class InstructionGate
{
    /// <summary>Above what the file says, in parts of it. A compiler's change of a patch release is to pass.</summary>
    private const double Tolerance = 0.02;

    /// <summary>In instructions: of a filter that takes less than one a span.</summary>
    private const double LeastDifference = 0.02;

    public static int Run(OptionReader options)
    {
        var folder = options.Text("--baselines") ?? "perf/gate";
        var isUpdate = options.Flag("--update");
        options.ExpectEnd();
        if (RuntimeFeature.IsDynamicCodeCompiled) throw new OptionException("only of the native program: ./build.ps1 perf gate makes it");
        var counts = Path.Combine(AppContext.BaseDirectory, "counts");
        var figures = Callgrind.Count(counts);
        var file = new GateFile(folder, "-instructions");
        var exit = file.Judge(figures, isUpdate, static (_, allowed) => Math.Max(LeastDifference, allowed * Tolerance));
        if (exit != 0) Console.WriteLine($"by function: callgrind_annotate {Path.GetRelativePath(".", counts)}/NAME");
        return exit;
    }
}
