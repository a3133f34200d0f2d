"""What ParaView sees: the recording through VTK's own reader, one moment of it, and a picture.

    python examples/interoperability/paraview.py crawl.h5 [worm.png]

Needs vtk. In ParaView itself: File > Open, then the reader "VTKHDF".
"""

import sys

import vtk

path, picture = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
reader = vtk.vtkHDFReader()
reader.SetFileName(path)
reader.UpdateInformation()
steps = reader.GetNumberOfSteps()
reader.SetStep(steps // 2)
reader.Update()
data = reader.GetOutputDataObject(0)
if data.IsA("vtkPartitionedDataSetCollection") or data.IsA("vtkMultiBlockDataSet"):
    pieces = vtk.vtkCompositeDataGeometryFilter()
else:
    pieces = vtk.vtkGeometryFilter()
pieces.SetInputDataObject(data)
pieces.Update()
surface = pieces.GetOutput()
arrays = [surface.GetPointData().GetArrayName(i) for i in range(surface.GetPointData().GetNumberOfArrays())]
print(f"{data.GetClassName()}, {steps} steps; in the middle {surface.GetNumberOfPoints()} points with {', '.join(arrays) or 'no data'}")

if picture:
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(surface)
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetPointSize(3)
    renderer = vtk.vtkRenderer()
    renderer.AddActor(actor)
    renderer.SetBackground(1, 1, 1)
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(900, 600)
    window.AddRenderer(renderer)
    window.Render()
    image = vtk.vtkWindowToImageFilter()
    image.SetInput(window)
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(picture)
    writer.SetInputConnection(image.GetOutputPort())
    writer.Write()
    print(f"drawn to {picture}")
