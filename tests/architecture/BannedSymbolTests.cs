using System.Reflection;
using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>
/// What core code must not ask the machine for is the compiler's to say (engine/BannedSymbols.txt, RS0030). Here is what it does not say: a
/// line that names nothing bans nothing, a project that has not the list may do anything, and an exception may have outlived what it was
/// for.
/// </summary>
public sealed partial class BannedSymbolTests
{
    private const string List = "engine/BannedSymbols.txt";
    private const string OwnSource = "M:Tempo.Engine.Foundation.KernelRandom.";
    private static readonly string[] CoreFolders = ["engine/", "ring/", "simd-bloom/"];

    private static readonly (string Id, string Instead)[] Banned =
        [.. SourceTree.Lines(List).Where(static line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal))
            .Select(static line => (line.Split(';', 2)[0], line.Split(';', 2)[^1]))];

    public static TheoryData<string> Ids => [.. Banned.Select(static symbol => symbol.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Each_name_is_one(string id)
    {
        if (id.StartsWith(OwnSource, StringComparison.Ordinal))
            Assert.Contains($" {id[OwnSource.Length..].Split('(')[0]}(", SourceTree.Read("engine/foundation/Ids/KernelRandom.cs"),
                StringComparison.Ordinal);
        else Assert.Contains(id, IdsOf(TypeOf(id)));
    }

    [Fact]
    public void Each_says_what_to_use_instead() =>
        Assert.All(Banned, static symbol => Assert.Matches("^(use|await|a constructor) ?", symbol.Instead));

    /// <summary>All ways of asking for time, chance and threads that the issue names, and those that a review has met.</summary>
    [Theory]
    [InlineData("P:System.DateTime.UtcNow")]
    [InlineData("P:System.DateTimeOffset.UtcNow")]
    [InlineData("P:System.TimeProvider.System")]
    [InlineData("T:System.Diagnostics.Stopwatch")]
    [InlineData("P:System.Environment.TickCount64")]
    [InlineData("M:System.Threading.Tasks.Task.Delay(System.TimeSpan,System.Threading.CancellationToken)")]
    [InlineData("M:System.Threading.Tasks.Task.Run(System.Func{System.Threading.Tasks.Task})")]
    [InlineData("P:System.Threading.Tasks.Task.Factory")]
    [InlineData("T:System.Threading.ThreadPool")]
    [InlineData("M:System.Guid.NewGuid")]
    [InlineData("P:System.Random.Shared")]
    [InlineData("M:Tempo.Engine.Foundation.KernelRandom.NextUInt64")]
    public void What_breaks_determinism_is_in_the_list(string id) => Assert.Contains(id, Banned.Select(static symbol => symbol.Id));

    /// <summary>
    /// By folder, so that a new project has it, too; that it is a warning, and with that an error, is the analyser's own default.
    /// </summary>
    [Fact]
    public void Every_core_project_has_the_list()
    {
        var props = SourceTree.Read("Directory.Build.props");
        Assert.Contains("""Condition="$(TempoFolder.StartsWith('engine/')) Or '$(TempoFolder)' == 'ring' Or '$(TempoFolder)' == 'simd-bloom'">""", props, StringComparison.Ordinal);
        Assert.Contains("""<PackageReference Include="Microsoft.CodeAnalysis.BannedApiAnalyzers" PrivateAssets="all" />""", props,
            StringComparison.Ordinal);
        Assert.Contains("<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", props, StringComparison.Ordinal);
        Assert.All(
            SourceTree.Projects(), static project => Assert.DoesNotContain("RS0030", SourceTree.Read(project), StringComparison.Ordinal));
        Assert.DoesNotContain("RS0030", SourceTree.Read(".editorconfig"), StringComparison.Ordinal);
    }

    /// <summary>In its place, for a few lines, with its reason; and there is something banned in them.</summary>
    [Fact]
    public void Each_exception_has_its_reason_and_is_needed()
    {
        var exceptions = CoreSources().SelectMany(Exceptions).ToList();
        Assert.NotEmpty(exceptions);
        Assert.All(exceptions, static exception =>
        {
            Assert.Matches("^#pragma warning disable RS0030 // .{10,}$", exception.Lines[0]);
            Assert.InRange(exception.Lines.Length, 2, 8);
            Assert.True(Array.Exists(exception.Lines[1..], static line => BannedWord().IsMatch(line)), exception.Path);
        });
        Assert.All(CoreSources(), static path =>
            Assert.DoesNotContain(SourceTree.Lines(path), static line => line.Contains("SuppressMessage", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> CoreSources() =>
        SourceTree.ProductSources().Where(
            static path => Array.Exists(CoreFolders, folder => path.StartsWith(folder, StringComparison.Ordinal)));

    // From each line that switches it off to the one that switches it on again; to the end of the file if there is none.
    private static IEnumerable<(string Path, string[] Lines)> Exceptions(string path)
    {
        var lines = SourceTree.Lines(path);
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("#pragma warning disable", StringComparison.Ordinal)
                || !lines[i].Contains("RS0030", StringComparison.Ordinal))
                continue;
            var end = Array.FindIndex(lines, i, static line => line.StartsWith("#pragma warning restore RS0030", StringComparison.Ordinal));
            yield return (path, lines[i..(end < 0 ? lines.Length : end)]);
        }
    }

    private static Type TypeOf(string id)
    {
        var name = id[2..].Split('(')[0];
        if (id[0] != 'T')
            name = name[..(name.EndsWith(".#ctor", StringComparison.Ordinal) ? name.Length - ".#ctor".Length : name.LastIndexOf('.'))];
        var type =
            new[] { "", ", System.Threading.Tasks.Parallel", ", System.Security.Cryptography", ", System.ComponentModel.TypeConverter" }
                .Select(assembly => Type.GetType(name + assembly)).FirstOrDefault(static found => found is not null);
        Assert.NotNull(type);
        return type;
    }

    private static IEnumerable<string> IdsOf(Type type)
    {
        yield return $"T:{type.FullName}";
        foreach (var property in type.GetProperties()) yield return $"P:{type.FullName}.{property.Name}";
        foreach (var method in type.GetMethods().Cast<MethodBase>().Concat(type.GetConstructors()))
        {
            var (arity, parameters) = (method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "", method.GetParameters());
            yield return $"M:{type.FullName}.{method.Name.Replace('.', '#')}{arity}{(parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(static parameter => Name(parameter.ParameterType)))})")}";
        }
    }

    private static string Name(Type type) => type switch
    {
        { IsGenericMethodParameter: true } => $"``{type.GenericParameterPosition}",
        { IsGenericTypeParameter: true } => $"`{type.GenericParameterPosition}",
        { IsGenericType: true } =>
            $"{type.GetGenericTypeDefinition().FullName!.Split('`')[0]}{{{string.Join(',', type.GetGenericArguments().Select(Name))}}}",
        _ => type.FullName!,
    };

    [GeneratedRegex(@"\bTimeProvider\.System\b|\bRandomNumberGenerator\.|\bKernelRandom\.|\bFill\(|\bTask\.Factory\b|\bnew Thread\(|\bThreadPool\.")]
    private static partial Regex BannedWord();
}
