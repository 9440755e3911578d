using System.Globalization;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Tempo.Fuzz.Coverage;

/// <summary>
/// Writes the program once more, into a folder beside it, with a counter at the head of each basic block of the code under test
/// (<see cref="CoverageCounters"/>). Of the fuzzer itself only the targets are counted: the canaries lie there.
/// <code>
/// IL_0000 ldsfld byte* CoverageCounters::Hits    before the first instruction of a method, before each target of a branch,
///         ldc.i4 block                           and behind each branch
///         add; dup; ldind.u1; ldc.i4.1; add
///         stind.i1
/// </code>
/// </summary>
internal static class Instrumenter
{
    private const string FolderName = "covered", CountFile = "blocks", OwnAssembly = "Tempo.Fuzz.dll",
        TargetsNamespace = "Tempo.Fuzz.Targets";

    /// <summary>The program with counters: made if it is not there, or older than this one.</summary>
    public static string Program()
    {
        var source = AppContext.BaseDirectory;
        var folder = Path.Combine(source, FolderName);
        var program = Path.Combine(folder, Path.GetFileName(Environment.ProcessPath!));
        var assemblies = Directory.GetFiles(source, "*.dll");
        var countFile = Path.Combine(folder, CountFile);
        if (File.Exists(countFile) && assemblies.All(path => File.GetLastWriteTimeUtc(path) <= File.GetLastWriteTimeUtc(countFile)))
            return program;

        Directory.CreateDirectory(folder);
        File.Delete(countFile);
        CopyAll(source, folder);
        var count = 0;
        foreach (var path in assemblies.Where(IsCounted).Order(StringComparer.Ordinal))
            count = Rewrite(path, Path.Combine(folder, Path.GetFileName(path)), count);
        File.WriteAllText(countFile, count.ToString(CultureInfo.InvariantCulture));
        return program;
    }

    /// <summary>Blocks of this program; 0 if it has no counters.</summary>
    public static int BlockCount()
    {
        var file = Path.Combine(AppContext.BaseDirectory, CountFile);
        return File.Exists(file) ? int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture) : 0;
    }

    private static bool IsCounted(string path) =>
        Path.GetFileName(path) is { } name && (name.StartsWith("Tempo.", StringComparison.Ordinal) || name == "tempo.dll");

    // All that lies there; what is counted is then written over.
    private static void CopyAll(string source, string folder)
    {
        foreach (var path in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(source, path);
            if (relative.StartsWith(FolderName + Path.DirectorySeparatorChar, StringComparison.Ordinal)) continue;
            var copy = Path.Combine(folder, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy, overwrite: true);
        }
    }

    private static int Rewrite(string path, string copy, int firstBlock)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(path));
        using var module = ModuleDefinition.ReadModule(path, new ReaderParameters { AssemblyResolver = resolver });
        var isOwn = Path.GetFileName(path) == OwnAssembly;
        var hits = Hits(module, isOwn);
        var block = firstBlock;
        foreach (var method in module.GetTypes().Where(type => !isOwn || OutermostOf(type).Namespace == TargetsNamespace)
            .SelectMany(static type => type.Methods))
            if (method.HasBody && method.Body.Instructions.Count > 0) block = Rewrite(method.Body, hits, block);
        if (block > CoverageCounters.MostBlocks)
            throw new InvalidOperationException($"{path}: more than {CoverageCounters.MostBlocks} blocks");
        module.Write(copy);
        return block;
    }

    // By name: the class lies in an assembly that refers to all others, and is loaded already when one of them runs.
    private static FieldReference Hits(ModuleDefinition module, bool isOwn)
    {
        IMetadataScope scope = module;
        if (!isOwn)
        {
            var fuzzer = new AssemblyNameReference(
                Path.GetFileNameWithoutExtension(OwnAssembly), typeof(CoverageCounters).Assembly.GetName().Version);
            module.AssemblyReferences.Add(fuzzer);
            scope = fuzzer;
        }

        var type = new TypeReference(typeof(CoverageCounters).Namespace, nameof(CoverageCounters), module, scope);
        return new FieldReference(nameof(CoverageCounters.Hits), new PointerType(module.TypeSystem.Byte), type);
    }

    private static TypeDefinition OutermostOf(TypeDefinition type) => type.DeclaringType is { } outer ? OutermostOf(outer) : type;

    private static int Rewrite(MethodBody body, FieldReference hits, int block)
    {
        body.SimplifyMacros(); // branches of any length
        var code = body.GetILProcessor();
        var heads = new Dictionary<Instruction, Instruction>();
        foreach (var head in Heads(body))
        {
            var first = code.Create(OpCodes.Ldsfld, hits);
            heads.Add(head, first);
            foreach (var instruction in Counting(code, first, block++)) code.InsertBefore(head, instruction);
        }

        foreach (var instruction in body.Instructions) Redirect(instruction, heads);
        foreach (var handler in body.ExceptionHandlers) Redirect(handler, heads);
        body.OptimizeMacros();
        return block;
    }

    private static IEnumerable<Instruction> Counting(ILProcessor code, Instruction first, int block) =>
    [
        first,
        code.Create(OpCodes.Ldc_I4, block),
        code.Create(OpCodes.Add),
        code.Create(OpCodes.Dup),
        code.Create(OpCodes.Ldind_U1),
        code.Create(OpCodes.Ldc_I4_1),
        code.Create(OpCodes.Add),
        code.Create(OpCodes.Stind_I1),
    ];

    private static HashSet<Instruction> Heads(MethodBody body)
    {
        HashSet<Instruction> heads = [body.Instructions[0]];
        foreach (var instruction in body.Instructions)
        {
            if (instruction.Operand is Instruction target) heads.Add(target);
            else if (instruction.Operand is Instruction[] targets) heads.UnionWith(targets);
            else continue;
            if (instruction.Next is { } next) heads.Add(next);
        }

        return heads;
    }

    private static void Redirect(Instruction instruction, Dictionary<Instruction, Instruction> heads)
    {
        if (instruction.Operand is Instruction target) instruction.Operand = heads[target];
        else if (instruction.Operand is Instruction[] targets) instruction.Operand = Array.ConvertAll(targets, one => heads[one]);
    }

    private static void Redirect(ExceptionHandler handler, Dictionary<Instruction, Instruction> heads)
    {
        handler.TryStart = Head(handler.TryStart);
        handler.TryEnd = Head(handler.TryEnd);
        handler.HandlerStart = Head(handler.HandlerStart);
        handler.HandlerEnd = Head(handler.HandlerEnd);
        handler.FilterStart = Head(handler.FilterStart);

        Instruction? Head(Instruction? instruction) =>
            instruction is not null && heads.TryGetValue(instruction, out var first) ? first : instruction;
    }
}
